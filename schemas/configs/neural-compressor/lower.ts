// PostTrainingQuantConfig -> Recipe: the first quantized operators make the weights; operators left in floating point are ignored modules.
import { layerWise } from '../../hardware/runtimes/neural-compressor/layer-wise.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { QuantMethod, Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { firstWeights, isFloat, type OperatorWeights, operatorWeights } from './operators.ts';

const METHODS: Readonly<Record<string, QuantMethod>> = { RTN: 'rtn', GPTQ: 'gptq', AWQ: 'awq', TEQ: 'teq', AUTOROUND: 'auto_round' };
const APPROACHES = ['static', 'dynamic', 'auto', 'weight_only'] as const;

export function lowerPostTraining(config: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(config, path);
  const first = firstWeights(config, path);
  const problems = layerWiseProblems(fields, config, path);
  const approach = fields.oneOf('approach', APPROACHES) ?? (fields.broken('approach', null) ? null : 'static');
  const recipe = approach === null ? null : approach === 'weight_only' ? weightOnly(first) : integers(fields, approach);
  const ignore = operatorWeights(config, path).flatMap(({ byName, fields: weights, pattern }) =>
    byName && isFloat(weights) && startAnchored(pattern) !== null ? [pattern] : [],
  );
  return { recipe: recipe === null ? null : { ...recipe, ignore }, origins: originsOf(fields, first, path), problems };
}

/** Null without bits or algorithm: the file then leaves them to the framework. */
function weightOnly(first: OperatorWeights | null): Recipe | null {
  const bits = first?.fields.integer('bits') ?? null;
  const method = METHODS[first?.fields.text('algorithm') ?? ''];
  const groupSize = first?.fields.integer('group_size') ?? -1;
  if (first === null || bits === null || bits < 1 || bits > 8 || method === undefined || groupSize < -1 || groupSize === 0) {
    return null;
  }
  const type = first.fields.text('dtype') ?? 'int';
  const dtype = type === 'nf4' ? 'nf4' : type.startsWith('fp4') ? 'fp4' : 'int';
  const symmetric = dtype !== 'int' || first.fields.text('scheme') === 'sym';
  const weights: Partial<WeightRecipe> = { dtype, bits, groupSize, symmetric, signed: symmetric, zeroPoint: symmetric ? 'none' : 'integer' };
  return { ...baseRecipe('neural-compressor', 'neural-compressor', [method], weights), variant: 'weight_only' };
}

function integers(fields: Fields, approach: 'static' | 'dynamic' | 'auto'): Recipe {
  const dynamic = approach === 'dynamic';
  const smooth = fieldsOf(fields.object('recipes'), []).boolean('smooth_quant') === true;
  const methods: readonly QuantMethod[] = [
    ...(smooth ? (['smoothquant'] as const) : []),
    ...(smooth || dynamic ? [] : (['w8a8_static'] as const)),
    ...(dynamic && !smooth ? (['rtn'] as const) : []),
  ];
  return {
    ...baseRecipe('neural-compressor', 'neural-compressor', methods, { bits: 8 }),
    variant: approach,
    activations: { bits: 8, symmetric: false, granularity: 'per_tensor', dynamic },
    computeMethod: 'activate_quant',
  };
}

/** The table of the algorithms that go layer by layer; ONNX Runtime's has fewer. */
function layerWiseProblems(fields: Fields, config: unknown, path: JsonPath): readonly LowerProblem[] {
  const at = [...path, 'recipes', 'layer_wise_quant'];
  if (fieldsOf(fields.object('recipes'), []).boolean('layer_wise_quant') !== true) {
    return [];
  }
  const onnx = fields.text('backend')?.startsWith('onnxrt') === true;
  const refused = operatorWeights(config, path).find(({ fields: weights }) => {
    const algorithm = weights.text('algorithm');
    return algorithm !== null && !isFloat(weights) && layerWise(onnx ? 'onnxruntime' : 'pytorch', algorithm) === 'no';
  });
  const algorithm = refused?.fields.text('algorithm');
  if (refused === undefined || algorithm == null) {
    return [];
  }
  const supported = onnx ? 'W8A8 alone' : 'RTN, GPTQ and W8A8';
  const message = `layer_wise_quant does not go with ${algorithm}: Neural Compressor quantizes ${supported} layer by layer${onnx ? ' on ONNX Runtime' : ''}.`;
  const other = onnx ? [] : [{ ...setFix([...refused.path, 'algorithm'], 'RTN'), preferred: false }];
  const source = 'intel/neural-compressor layer-wise quantization (table of supported algorithms)';
  return [{ code: 'QC022', path: at, on: 'value', message, source, fixes: [setFix(at, false), ...other] }];
}

function originsOf(fields: Fields, first: OperatorWeights | null, path: JsonPath): Origins {
  const top = (key: string): { readonly path: JsonPath; readonly present: boolean } => ({ path: [...path, key], present: Object.hasOwn(fields.value, key) });
  const own = (key: string): { readonly path: JsonPath; readonly present: boolean } =>
    first === null ? top('approach') : { path: [...first.path, key], present: Object.hasOwn(first.fields.value, key) };
  return {
    scheme: top('approach'),
    variant: top('approach'),
    methods: fields.text('approach') === 'weight_only' ? own('algorithm') : top('approach'),
    weights: first === null ? top('approach') : { path: first.path, present: true },
    'weights.bits': own('bits'),
    'weights.dtype': own('dtype'),
    'weights.signed': own('scheme'),
    'weights.symmetric': own('scheme'),
    'weights.groupSize': own('group_size'),
    activations: top('approach'),
    computeMethod: top('approach'),
    ignore: top('op_name_dict'),
    calibration: top('calibration_sampling_size'),
  };
}
