// GPTQ: rounds column by column, and lets the columns that follow make up for every rounding error as the inputs' Hessian says.
// Formulas and source: README.md in this folder and kernels/solve/gptq.
import type { AffineMatrix, Method } from '../method.ts';
import { codeBits } from '../rounding.ts';

export const gptq: Method<AffineMatrix> = {
  id: 'gptq',
  needs: { observe: ['hessian'] },
  defaultDialect: 'ist',
  rowsApart: true,
  async quantizeModule(binding, source, scheme, inputs) {
    if (inputs === undefined) throw new Error('gptq needs the inputs of the matrix');
    const { symmetric, descAct, staticGroups } = scheme.weights;
    const bits = codeBits(scheme.weights.bits);
    const groupSize = scheme.weights.groupSize === -1 ? -1 : Math.min(scheme.weights.groupSize, source.cols);
    const factor = await inputs.factor(descAct);
    const { mseSearch: mse, scaleType } = scheme;
    const { gIdx, ...result } = await binding.quantizeGptq(source, factor, { bits, symmetric, groupSize, mse, staticGroups, scaleType });
    return {
      kind: 'affine',
      rows: source.rows,
      cols: source.cols,
      bits,
      groupSize: groupSize === -1 ? source.cols : groupSize,
      symmetric,
      scaleType,
      ...result,
      ...(descAct ? { gIdx } : {}),
    };
  },
};
