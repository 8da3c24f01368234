// The matrices of an ONNX graph that can be quantized: constants that a MatMul or a plain Gemm multiplies with.
import type { DenseType } from '@quantwright/native/binding';
import { moduleActivations, moduleWeights } from '@quantwright/schemas/recipe/module-weights';
import type { ActivationRecipe, Recipe, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { OnnxModel } from './model.ts';
import { dataType, type NodeProto, type TensorProto } from './proto.ts';

export interface OnnxLinear {
  readonly node: NodeProto;
  /** Name for people and patterns: model.layers.0.self_attn.q_proj of /model/layers.0/self_attn/q_proj/MatMul. */
  readonly module: string;
  readonly weight: TensorProto;
  readonly type: DenseType;
  /** Output features. */
  readonly rows: number;
  readonly cols: number;
  /** Stored as [cols, rows]. */
  readonly transposed: boolean;
  /** Initializer or value that a Gemm adds; null: nothing. */
  readonly bias: string | null;
  /** How what it reads is quantized; null: not at all. Left out: as the recipe says. */
  readonly activations?: ActivationRecipe | null;
}

export interface OnnxLinears {
  readonly linears: readonly (OnnxLinear & { readonly weights: WeightRecipe })[];
  /** Modules that stay as they are. */
  readonly left: readonly string[];
}

const types: Readonly<Record<number, DenseType>> = { [dataType.float]: 'f32', [dataType.float16]: 'f16' };

/** In the order of the graph, which is that of computation. `ignore` and `overrides` are tried on the module's name, the node's and the weight's. */
export function onnxLinears(model: OnnxModel, recipe: Recipe): OnnxLinears {
  const scope = moduleWeights(recipe);
  const activationsOf = moduleActivations(recipe);
  const linears: (OnnxLinear & { readonly weights: WeightRecipe })[] = [];
  const left: string[] = [];
  for (const node of model.graph.node) {
    const linear = linearOf(model, node);
    if (linear === null) continue;
    const names = [linear.module, node.name, linear.weight.name].filter((name) => name !== '');
    const settings = names.map(scope);
    // A name that an override matches comes before those that only the base settings match.
    const weights = settings.includes(null) ? null : (settings.find((one) => one !== recipe.weights) ?? recipe.weights);
    const activations = names.map(activationsOf).find((one) => one !== recipe.activations);
    const isHead = names.some((name) => /(^|[./])lm_head([./]|$)/.test(name)) && recipe.lmHead !== true;
    if (weights === null || isHead) left.push(linear.module);
    else linears.push({ ...linear, weights, activations: activations === undefined ? recipe.activations : activations });
  }
  return { linears, left };
}

function linearOf({ initializers }: OnnxModel, node: NodeProto): OnnxLinear | null {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return null;
  const isGemm = node.opType === 'Gemm';
  if (node.opType !== 'MatMul' && !isGemm) return null;
  const weight = initializers.get(node.input[1] ?? '');
  const type = types[weight?.dataType ?? 0];
  const [first = 0, second = 0] = (weight?.dims ?? []).map(Number);
  if (weight === undefined || type === undefined || weight.dims.length !== 2 || first === 0 || second === 0) return null;
  const integer = (name: string): number => Number(node.attribute.find((one) => one.name === name)?.i ?? 0n);
  const factor = (name: string): number => node.attribute.find((one) => one.name === name)?.f ?? 1;
  if (isGemm && (integer('transA') !== 0 || factor('alpha') !== 1 || (node.input.length > 2 && factor('beta') !== 1))) return null;
  const transposed = !(isGemm && integer('transB') === 1);
  const [rows, cols] = transposed ? [second, first] : [first, second];
  const bias = isGemm ? (node.input[2] ?? '') : '';
  return { node, module: moduleName(node.name, weight.name), weight, type, rows, cols, transposed, bias: bias === '' ? null : bias };
}

function moduleName(node: string, weight: string): string {
  const path = node
    .replace(/^\//, '')
    .replace(/\/(MatMul|Gemm)(_\d+)?$/, '')
    .replaceAll('/', '.');
  return path === '' || /^(MatMul|Gemm)/.test(path) ? weight.replace(/\.weight$/, '') : path;
}
