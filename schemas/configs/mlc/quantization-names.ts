// MLC's names of quantizations -> the recipe they stand for. Source: mlc-ai/mlc-llm python/mlc_llm/quantization/quantization.py
import type { ActivationRecipe, QuantMethod, WeightRecipe } from '../../recipe/recipe.ts';

export interface Named {
  readonly methods: readonly QuantMethod[];
  readonly weights: Partial<WeightRecipe>;
  readonly activations: ActivationRecipe | null;
  readonly computeDtype: string;
}

const TYPES: Readonly<Record<string, string>> = { f16: 'float16', bf16: 'bfloat16', f32: 'float32' };

/** Null: not quantized (q0f16), or no name of MLC's. */
export function namedQuantization(name: string): Named | null {
  const grouped = /^q([34])(f16|bf16|f32)_(?:[012]|autoawq|ft)$/.exec(name);
  if (grouped !== null) {
    const bits = Number(grouped[1]);
    return {
      methods: [name.endsWith('autoawq') ? 'awq' : 'rtn'],
      weights: { bits, groupSize: groupOf(name, bits), ...(name.endsWith('autoawq') ? { signed: false, symmetric: false, zeroPoint: 'integer' } : {}) },
      activations: null,
      computeDtype: TYPES[grouped[2] ?? ''] ?? 'float16',
    };
  }
  const block = /^fp8_e4m3fn_bf16_block_scale(_static_activation)?$/.exec(name);
  if (block !== null) {
    const dynamic = block[1] === undefined;
    return fp8(
      { dtype: 'fp8_e4m3', bits: 8, block: [128, 128] },
      { ...activation('fp8_e4m3', dynamic), granularity: dynamic ? 'group' : 'per_tensor' },
      'bfloat16',
    );
  }
  const pair = /^(e[45]m[23])_\1_f16(?:_max_calibrate)?$/.exec(name);
  const dtype = pair?.[1] === 'e4m3' ? 'fp8_e4m3' : pair?.[1] === 'e5m2' ? 'fp8_e5m2' : null;
  return dtype === null ? null : fp8({ dtype, bits: 8 }, activation(dtype, false), 'float16');
}

/** Groups of 40 seldom divide a layer; MLC pads the last one, so that no width is refused for them and the recipe names none. */
function groupOf(name: string, bits: number): number {
  return name.endsWith('autoawq') ? 128 : name.endsWith('ft') || bits === 3 ? -1 : 32;
}

function activation(dtype: 'fp8_e4m3' | 'fp8_e5m2', dynamic: boolean): ActivationRecipe {
  return { dtype, bits: 8, symmetric: true, granularity: 'per_tensor', dynamic };
}

function fp8(weights: Partial<WeightRecipe>, activations: ActivationRecipe, computeDtype: string): Named {
  return { methods: ['fp8'], weights, activations, computeDtype };
}
