// DashInfer InstantQuant: calibration-free rounding with an unrounded (float) zero point. A16W8, A16W4 and the weights of A8W8.
// Formula and source: README.md in this folder.
import type { AffineMatrix, Method } from '../method.ts';
import { roundMatrix, rowOptions } from '../rounding.ts';

export const instantQuant: Method<AffineMatrix> = {
  id: 'instant_quant',
  needs: { observe: [] },
  defaultDialect: 'instant_quant',
  rowOptions,
  quantizeModule: roundMatrix,
};
