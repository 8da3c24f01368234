// LLM.int8(): weights rounded row by row to int8, which are multiplied with activations quantized beside outlier columns when the product is taken.
// Formulas and sources: README.md in this folder.
import type { AffineMatrix, Method } from '../method.ts';
import { roundMatrix, rowOptions } from '../rounding.ts';

export const llmInt8: Method<AffineMatrix> = {
  id: 'llm_int8',
  needs: { observe: [] },
  // scale = absmax / 127, signed codes.
  defaultDialect: 'qllm',
  rowOptions,
  quantizeModule: roundMatrix,
};
