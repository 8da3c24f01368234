// *.quant.json -> the customized quant config that DashInfer's Python call takes: fewer keys, and only its own method.
import type { JsonObject } from '../configs/fields.ts';
import { weightFormatName } from '../configs/weight-format.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Converter } from './conversion.ts';

/** What the loader can combine (config-formats section 5.1): int8 and uint4 weights, and fp8. */
const FORMATS: readonly string[] = ['int8', 'uint4', 'fp8_e4m3'];

export const dashinferConfig: Converter = {
  id: 'dashinfer',
  title: "Convert to DashInfer's customized quant config",
  convert({ recipe, format }) {
    const taken = format.id === 'quantwright' && recipe.methods.join() === 'instant_quant' && FORMATS.includes(weightFormatName(recipe.weights));
    return taken ? { destination: { kind: 'file', name: 'dashinfer_quant_config.json' }, value: settings(recipe), carried: ['kv_cache'] } : null;
  },
};

function settings({ weights, computeMethod, overrides }: Recipe): JsonObject {
  const sizes = overrides.flatMap(({ pattern, weights: own }) =>
    Object.keys(own).join() === 'groupSize' && own.groupSize !== undefined && own.groupSize > 0 && own.groupSize % 32 === 0
      ? [[pattern, own.groupSize] as const]
      : [],
  );
  return {
    quant_method: 'instant_quant',
    weight_format: weightFormatName(weights),
    compute_method: computeMethod,
    group_size: weights.groupSize,
    // There every quantized weight must match a pattern, so the last one takes the rest; a row for each channel it cannot say.
    ...(weights.groupSize > 0 && sizes.length > 0 ? { group_settings: Object.fromEntries([...sizes, ['.*', weights.groupSize]]) } : {}),
  };
}
