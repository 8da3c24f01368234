// What a quantization job will do, before it does it: modules with their rounding, tensors of the output, sizes and memory.
// Refuses here whatever can be refused without reading a weight. Pure.
import { moduleActivations, moduleWeights } from '@quantwright/schemas/recipe/module-weights';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { TensorInfo } from '../checkpoint/header.ts';
import { suffix } from '../checkpoint/layouts.ts';
import { scaleTypeOf } from '../checkpoint/quantized/stored.ts';
import { planBytes, type TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import type { Method, ModuleScheme } from '../methods/method.ts';
import type { ScalingPair } from '../model/scaling-pairs.ts';
import type { Layout, ModulePlan } from './layouts/layout.ts';
import { copyDemand, roundingDemands } from './memory/modules.ts';
import type { PhaseDemand } from './memory/phase.ts';
import type { LinearSource, ModelSource } from './source.ts';

export interface PlannedModule extends ModulePlan {
  readonly source: LinearSource;
  readonly tensors: readonly TensorPlan[];
  /** Of `tensors`. */
  readonly bytes: number;
}

export interface QuantizePlan {
  readonly blocks: readonly (readonly PlannedModule[])[];
  readonly modules: readonly PlannedModule[];
  /** Places of every block that transforms may rescale. */
  readonly pairs: readonly (readonly ScalingPair[])[];
  /** Norms and biases of every block that transforms may rewrite; they are written with the block. */
  readonly rewritten: readonly (readonly TensorInfo[])[];
  /** Linears of `source.blocks` that stay in floating point. */
  readonly left: readonly string[];
  readonly copied: readonly TensorInfo[];
  /** Every tensor of the output, in the order in which it is written. */
  readonly tensors: readonly TensorPlan[];
  /** Of all weights read. */
  readonly inputBytes: number;
  /** Of all tensors written. */
  readonly outputBytes: number;
  /** Memory of copying and rounding; calibration has its own. */
  readonly demands: readonly PhaseDemand[];
  readonly warnings: readonly string[];
}

/** `pairsOf`: places of a block that the recipe's transforms rescale; none without it. */
export function planQuantization(
  recipe: Recipe,
  method: Method,
  layout: Layout,
  source: ModelSource,
  pairsOf: (block: number) => readonly ScalingPair[] = () => [],
): QuantizePlan {
  const scope = moduleWeights(recipe);
  const activationsOf = moduleActivations(recipe);
  const warnings = new Set<string>();
  const left: string[] = [];
  const floats: TensorInfo[] = [];
  const blocks = source.blocks.map((linears) =>
    linears.flatMap((linear): PlannedModule[] => {
      const weights = scope(linear.module);
      if (weights === null) {
        left.push(linear.module);
        floats.push(linear.weight);
        return [];
      }
      // Only a method that sees the inputs can order columns by them.
      const descAct = weights.descAct && method.needs.observe.includes('hessian');
      const kind = method.kind?.(weights, recipe) ?? 'affine';
      const stored = { type: scaleTypeOf(linear.weight), transposed: linear.transposed };
      const activations = activationsOf(linear.module);
      const general: ModuleScheme = { ...layout.scheme(recipe, method, { ...weights, descAct }), kind, recipe, activations, stored };
      const scheme = method.fit?.(general, { rows: linear.rows, cols: linear.cols, activations }) ?? general;
      if (typeof scheme === 'string') throw refused(linear.module, scheme);
      const plan: ModulePlan = {
        module: linear.module,
        block: linear.block,
        rows: linear.rows,
        cols: linear.cols,
        scheme,
        activations,
        lmHead: linear.lmHead,
      };
      const { kind: form = 'affine' } = scheme;
      const refusal = form === 'affine' || form === 'float' || layout.format === 'quantwright' ? layout.refusal(plan) : onlyOurs(form, layout.format);
      if (refusal !== null) throw refused(linear.module, refusal);
      const tensors = layout.tensors(plan).map(({ suffix, ...tensor }) => ({ name: `${linear.module}.${suffix}`, ...tensor }));
      return [{ ...plan, source: linear, tensors, bytes: sum(tensors.map(planBytes)) }];
    }),
  );
  const pairs = blocks.map((modules, block) => pairsWithin(pairsOf(block), modules, warnings));
  const rewritten = pairs.map((of) => source.others.filter(({ name }) => of.some((pair) => producerTensors(pair).includes(name))));
  const moved = new Set(rewritten.flat());
  const copied = [...source.others.filter((tensor) => !moved.has(tensor)), ...floats];
  const modules = blocks.flat();
  if (modules.length === 0) throw refused(null, 'the config leaves no linear to quantize: "ignore" matches all of them');
  warnOfZeroZero(layout, modules, warnings);
  const tensors = [...[...copied, ...moved].map(({ name, dtype, shape }) => ({ name, dtype, shape })), ...modules.flatMap((module) => module.tensors)];
  return {
    blocks,
    modules,
    pairs,
    rewritten,
    left,
    copied,
    tensors,
    inputBytes: sum(modules.map((module) => module.source.weight.bytes)) + sum([...copied, ...moved].map((tensor) => tensor.bytes)),
    outputBytes: sum(tensors.map(planBytes)),
    demands: [copyDemand(copied), ...roundingDemands(method, layout, modules)],
    warnings: [...warnings],
  };
}

/** Those whose matrices are all quantized: what stays in floating point is copied as it is, and must go on reading what it read. */
function pairsWithin(pairs: readonly ScalingPair[], modules: readonly PlannedModule[], warnings: Set<string>): readonly ScalingPair[] {
  const quantized = new Set(modules.map(({ module }) => module));
  return pairs.filter(({ producer, consumers }) => {
    const missing = [...consumers, ...(producer.kind === 'linear' ? [producer.module] : [])].filter((module) => !quantized.has(module));
    if (missing.length > 0)
      warnings.add(`${producer.module} is not rescaled, because ${missing.join(' and ')} stay${missing.length > 1 ? '' : 's'} in floating point`);
    return missing.length === 0;
  });
}

function producerTensors({ producer }: ScalingPair): readonly string[] {
  const bias = `${producer.module}.${suffix.bias}`;
  return producer.kind === 'norm' ? [`${producer.module}.${suffix.weight}`, bias] : [bias];
}

/** v1 of the GPTQ layout stores zero - 1: a zero of 0 wraps, and old readers undo that wrongly. */
function warnOfZeroZero(layout: Layout, modules: readonly PlannedModule[], warnings: Set<string>): void {
  if (layout.format !== 'gptq' || modules.every((module) => module.scheme.weights.symmetric)) return;
  warnings.add(
    'asymmetric weights in the gptq v1 layout: a zero point of 0 is stored as -1, which some old readers get wrong; save_format "gptq_v2" has no such case',
  );
}

function onlyOurs(kind: string, format: string): string {
  return `save_format "${format}" cannot hold weights of the kind ${kind}; use "quantwright"`;
}

function refused(module: string | null, why: string): EngineError {
  const message = module === null ? why : `${module}: ${why}`;
  return new EngineError('config', message, module === null ? {} : { tensor: module });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
