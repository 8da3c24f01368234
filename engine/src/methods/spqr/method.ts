// SpQR: GPTQ in small groups with quantized scales and zeros, and the few weights that would cost most kept apart. Formulas and source: README.md in this
// folder and kernels/solve/spqr.

import { EngineError } from '../../errors.ts';
import { packSpqr } from '../../kinds/spqr/pack.ts';
import type { CodedMatrix, Method } from '../method.ts';
import { spqrOptions, statGroup } from './options.ts';

export const spqr: Method<CodedMatrix> = {
  id: 'spqr',
  needs: { observe: ['hessian'] },
  defaultDialect: 'ist',
  kind: () => 'spqr',
  async quantizeModule(binding, source, { weights, recipe }, inputs) {
    if (inputs === undefined) throw new Error('spqr needs the inputs of the matrix');
    const { outlierThreshold, targetBits, ...options } = spqrOptions(recipe);
    const result = await binding.quantizeSpqr(source, await inputs.factor(weights.descAct, true), {
      ...options,
      bits: spqrBits(weights.bits),
      groupSize: weights.groupSize >= source.cols ? -1 : weights.groupSize,
      symmetric: weights.symmetric,
      statGroup,
      ...(targetBits === null ? { outlierThreshold } : { targetBits }),
      statType: 'f16',
      valueType: 'f16',
    });
    const groupSize = weights.groupSize === -1 ? source.cols : Math.min(weights.groupSize, source.cols);
    return packSpqr(binding, source.rows, source.cols, { bits: spqrBits(weights.bits), groupSize, ...options, descAct: weights.descAct }, result);
  },
};

function spqrBits(bits: number): 2 | 3 | 4 {
  if (bits === 2 || bits === 3 || bits === 4) return bits;
  const message = `spqr rounds to 2, 3 or 4 bits, not ${bits}`;
  throw new EngineError('config', message, { findings: [{ code: 'QC005', message }] });
}
