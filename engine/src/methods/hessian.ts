// The Hessian of a linear's input as methods with second-order rounding use it. All arithmetic is native.
import type { HessianFactor, NativeBinding } from '@quantwright/native/binding';
import type { LayerInputs } from './method.ts';

export interface HessianOptions {
  readonly dampPercent: number;
  /** Calibration sequences that were summed up. */
  readonly samples: number;
  /** Told what damping it took when that is more than was asked for. */
  readonly onRaised?: (dampPercent: number) => void;
}

/** `hessian` [width, width]: the sum of x^T x over all tokens. */
export function hessianInputs(binding: NativeBinding, hessian: Float32Array, width: number, options: HessianOptions): LayerInputs {
  const factors = new Map<boolean, Promise<HessianFactor>>();
  const make = async (descAct: boolean): Promise<HessianFactor> => {
    // 2 / samples: AutoGPTQ's mean (gptq.py :: add_batch).
    const factor = await binding.factorHessian(hessian, width, { scale: 2 / options.samples, dampPercent: options.dampPercent, descAct });
    if (factor.dampPercent > options.dampPercent) options.onRaised?.(factor.dampPercent);
    return factor;
  };
  return {
    factor: (descAct) => {
      const known = factors.get(descAct) ?? make(descAct);
      factors.set(descAct, known);
      return known;
    },
  };
}
