// Round to nearest with an integer zero point, in the dialect that the recipe names (ist, qllm, inc, awq, compressed_tensors, dashinfer_cpu).
// Formulas and sources: README.md in this folder.
import type { AffineMatrix, Method } from '../method.ts';
import { roundMatrix, rowOptions } from '../rounding.ts';

export const rtn: Method<AffineMatrix> = {
  id: 'rtn',
  needs: { observe: [] },
  defaultDialect: 'ist',
  rowOptions,
  quantizeModule: roundMatrix,
};
