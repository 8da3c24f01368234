// Save format `safetensors`: an ordinary checkpoint, with float weights under the names, types and shapes of the source. For models that were only rescaled: any runtime
// and any other quantizer loads it.
import { floatTensors } from '../../methods/unrounded/method.ts';
import type { Layout } from './layout.ts';

export const safetensorsLayout: Layout = {
  format: 'safetensors',
  // Nothing is rounded here; awq and teq choose their scales for the rounding that comes later.
  scheme: ({ dialect, mseSearch, fullRange, scaleType }, method, weights) => ({
    weights,
    dialect: dialect ?? method.defaultDialect,
    mseSearch,
    fullRange,
    scaleType,
  }),
  refusal: ({ scheme }) =>
    scheme.kind === 'float' ? null : 'an ordinary checkpoint holds float weights; leave the rounding method out, or use save_format "quantwright"',
  tensors: ({ scheme, rows, cols }) => floatTensors(scheme, rows, cols),
  pack: () => Promise.reject(new Error('an ordinary checkpoint has no codes')),
  config: () => null,
  codec: () => 'dense',
};
