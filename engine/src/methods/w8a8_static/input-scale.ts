// A range of activations -> the scale and zero point of their codes (algorithms section 15).
// Sources: pytorch torch/ao/quantization/observer.py :: UniformQuantizationObserverBase._calculate_qparams; symmetric: mit-han-lab/smoothquant
// smoothquant/calibration.py :: get_static_decoder_layer_scales.
import type { InputScale } from '../../checkpoint/activations.ts';
import type { ActivationRange } from './range.ts';

/** torch.finfo(float32).eps: the smallest scale, of inputs that are all but zero. */
const smallestScale = 2 ** -23;

/** Codes are 0 to 2^bits - 1; symmetric ones lie around 2^(bits-1). All arithmetic is that of 32-bit floats. */
export function inputScale({ low, high }: ActivationRange, bits: number, symmetric: boolean): InputScale {
  const most = 2 ** bits - 1;
  if (symmetric) {
    const half = 2 ** (bits - 1);
    return { scale: atLeast(Math.fround(Math.fround(Math.max(-low, high)) / (half - 1))), zero: half };
  }
  const [from, to] = [Math.fround(low), Math.fround(high)];
  const scale = atLeast(Math.fround(Math.fround(to - from) / most));
  return { scale, zero: Math.min(most, Math.max(0, -roundHalfEven(Math.fround(from / scale)))) + 0 };
}

function atLeast(scale: number): number {
  return Math.max(scale, smallestScale);
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
