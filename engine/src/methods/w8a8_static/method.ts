// Static W8A8: weights of 8 bits per channel, and for every linear one scale and zero point of its input, found by calibration on the model as it is.
// Formulas and sources: README.md in this folder.
import { EngineError } from '../../errors.ts';
import type { AffineMatrix, Method } from '../method.ts';
import { roundMatrix } from '../rounding.ts';
import { inputScale } from './input-scale.ts';
import { activationRange, observation, staticDefaults } from './range.ts';

export const w8a8Static: Method<AffineMatrix> = {
  id: 'w8a8_static',
  needs: { observe: ['range'] },
  // absmax / 127.5, codes from -128 on: torch's observer of channels, as Neural Compressor uses it.
  defaultDialect: 'compressed_tensors',
  rowsApart: true,
  statistic: (recipe) => observation(recipe.w8a8Static ?? staticDefaults),
  async quantizeModule(binding, source, scheme, inputs) {
    const matrix = await roundMatrix(binding, source, scheme);
    const activations = scheme.activations === undefined ? scheme.recipe?.activations : scheme.activations;
    if (activations == null || activations.dynamic) return matrix;
    if (inputs?.observed === undefined) throw new Error('w8a8_static needs the ranges of the inputs');
    const { bits, symmetric } = activations;
    if (bits < 2 || bits > 8) throw new EngineError('config', `activations of ${bits} bits: 2 to 8 can be computed with`);
    const range = activationRange(inputs.observed, scheme.recipe?.w8a8Static ?? staticDefaults, 2 ** bits, symmetric);
    return { ...matrix, inputScale: inputScale(range, bits, symmetric) };
  },
};
