// Test support: a tiny Llama whose linears hold given codes, scales and zero points, written in a layout as `quantize` would.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import { createCheckpoint } from '../../checkpoint/sharded-writer.ts';
import type { TensorPlan } from '../../checkpoint/writer.ts';
import type { AffineMatrix } from '../../methods/method.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import { layouts } from '../../pipeline/layouts/registry.ts';
import type { Repacked } from '../fit.ts';
import { openModelSource } from '../model-source.ts';

export const tinyLlama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 64,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  tie_word_embeddings: true,
  hidden_act: 'silu',
  max_position_embeddings: 64,
  rms_norm_eps: 2 ** -17,
  rope_theta: 10_000,
  torch_dtype: 'bfloat16',
};

export interface Grid {
  readonly bits: 2 | 3 | 4 | 8;
  /** -1: one group a row. */
  readonly groupSize: number;
  readonly zeros: 'middle' | 'integer' | 'fractional';
  readonly signed: boolean;
  readonly descAct: boolean;
  readonly seed: number;
}

/** Uniform integers in [0, below). */
export function integers(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function randomMatrix({ bits, groupSize, zeros, signed, descAct, seed }: Grid, rows: number, cols: number): AffineMatrix {
  const next = integers(seed + rows * 31 + cols);
  const size = groupSize === -1 ? cols : Math.min(groupSize, cols);
  const groups = Math.ceil(cols / size);
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const codes = new (signed ? Int8Array : Uint8Array)(rows * cols).map(() => low + next(2 ** bits));
  const zero = Float32Array.from({ length: rows * groups }, () =>
    zeros === 'middle' ? low + 2 ** (bits - 1) : low + next(2 ** bits) + (zeros === 'fractional' ? (1 + next(7)) / 8 : 0),
  );
  return {
    kind: 'affine',
    rows,
    cols,
    bits,
    groupSize: size,
    groups,
    codes,
    scale: Float32Array.from({ length: rows * groups }, () => (1024 + next(1024)) * 2 ** -18),
    zero,
    symmetric: zeros === 'middle',
    scaleType: 'f16',
    ...(descAct ? { gIdx: Int32Array.from({ length: cols }, (_, column) => (column < groups ? groups - 1 - column : next(groups))) } : {}),
    sqnrDb: 0,
    mse: 0,
    notFinite: null,
  };
}

/** Writes the model; every linear of it has the grid, codes of its own. */
export async function writeQuantized(binding: NativeBinding, directory: string, format: Repacked, grid: Grid, config: object = tinyLlama): Promise<void> {
  const model = modelShapeFromConfig(config);
  if (!isShape(model)) throw new Error(model.reason);
  const layout = layouts[format];
  const tensors: (TensorPlan & { readonly data: Uint8Array })[] = [];
  const plans: ModulePlan[] = [];
  const dense = (name: string, shape: readonly number[]): void => {
    const next = integers(grid.seed + name.length);
    const count = shape.reduce((product, side) => product * side, 1);
    tensors.push({
      name,
      dtype: 'BF16',
      shape,
      data: new Uint8Array(Uint16Array.from({ length: count }, () => 0x3d00 + next(0x100) + 0x8000 * next(2)).buffer),
    });
  };
  dense('model.embed_tokens.weight', [model.vocabSize, model.hiddenSize]);
  dense('model.norm.weight', [model.hiddenSize]);
  for (let block = 0; block < model.layers; block++) {
    dense(`model.layers.${block}.input_layernorm.weight`, [model.hiddenSize]);
    dense(`model.layers.${block}.post_attention_layernorm.weight`, [model.hiddenSize]);
    for (const linear of model.linears.filter(({ kind }) => kind !== 'lm_head')) {
      const module = linear.module.replace('{i}', String(block));
      const matrix = randomMatrix({ ...grid, seed: grid.seed + 1000 * plans.length }, linear.out, linear.in);
      const plan = planOf(module, matrix, grid, format);
      const refusal = layout.refusal(plan);
      if (refusal !== null) throw new Error(refusal);
      const data = await layout.pack(binding, plan, matrix);
      layout.tensors(plan).forEach(({ suffix, dtype, shape }, at) => {
        tensors.push({ name: `${module}.${suffix}`, dtype, shape, data: data[at] ?? new Uint8Array() });
      });
      plans.push(plan);
    }
  }
  const writer = await createCheckpoint(directory, tensors);
  for (const { name, data } of tensors) await writer.write(name, data);
  await writer.finish();
  const weights = plans[0]?.scheme.weights;
  const recipe = baseRecipe('test', 'test', ['rtn'], weights ?? {});
  await writeFile(join(directory, 'config.json'), JSON.stringify({ ...config, quantization_config: layout.config(recipe, plans, []) }));
}

function planOf(module: string, matrix: AffineMatrix, grid: Grid, format: Repacked): ModulePlan {
  const { rows, cols, bits } = matrix;
  return {
    module,
    block: 0,
    rows,
    cols,
    activations: null,
    scheme: {
      weights: {
        dtype: 'int',
        bits,
        signed: grid.signed,
        symmetric: grid.zeros === 'middle',
        groupSize: grid.groupSize,
        zeroPoint: grid.zeros === 'fractional' ? 'float' : 'integer',
        descAct: grid.descAct,
        staticGroups: false,
      },
      dialect: format === 'quantwright' ? 'instant_quant' : 'ist',
      mseSearch: false,
      fullRange: false,
      scaleType: 'f16',
    },
  };
}

/** Of every linear: code - zero of each weight, the scale of each weight, and the group of each column; what must survive a conversion. */
export async function gridsOf(
  binding: NativeBinding,
  directory: string,
): Promise<ReadonlyMap<string, { readonly levels: Float32Array; readonly scales: Float32Array }>> {
  const source = await openModelSource(directory, binding);
  try {
    const out = new Map<string, { readonly levels: Float32Array; readonly scales: Float32Array }>();
    for (const module of source.modules) {
      const stored = await module.read();
      if (stored === null) throw new Error(`${module.module} has no codes`);
      const codes = await stored.codes();
      const parameter = (at: number): number => {
        const column = at % stored.cols;
        return Math.floor(at / stored.cols) * stored.groups + (stored.gIdx?.[column] ?? Math.floor(column / stored.groupSize));
      };
      out.set(module.module, {
        levels: Float32Array.from(codes, (code, at) => code - (stored.zero[parameter(at)] ?? Number.NaN)),
        scales: Float32Array.from(codes, (_, at) => stored.scale[parameter(at)] ?? Number.NaN),
      });
    }
    return out;
  } finally {
    source.close();
  }
}
