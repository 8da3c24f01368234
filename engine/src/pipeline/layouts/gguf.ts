// Save format `gguf`: what the job writes block by block is our own layout with whole zero points and f16 scales; when it is complete it is written anew as one
// GGUF file (repack/gguf/export.ts), whose metadata and order of rows concern the whole model.
import type { Layout } from './layout.ts';
import { quantwrightLayout } from './quantwright.ts';

const block = 32;

export const ggufLayout: Layout = {
  ...quantwrightLayout,
  format: 'gguf',

  scheme(recipe, method, weights) {
    const asked = recipe.dialect ?? method.defaultDialect;
    const dialect = asked === 'instant_quant' ? 'ist' : asked;
    return { weights, dialect, mseSearch: recipe.mseSearch, fullRange: recipe.fullRange, scaleType: 'f16' };
  },

  refusal(plan) {
    const { bits, groupSize, symmetric, descAct, staticGroups } = plan.scheme.weights;
    if (plan.activations) return 'a GGUF file holds weights only; use save_format "quantwright" or "compressed-tensors" for 8-bit activations';
    if (bits > 4 && !symmetric) return `GGUF has no ${bits}-bit blocks with zero points; use "symmetric": true or save_format "quantwright"`;
    if (descAct && !staticGroups && groupSize !== -1) return 'a GGUF file has groups in the order of columns; use desc_act false or static_groups true';
    if (plan.cols % block !== 0 || (groupSize !== -1 && groupSize % block !== 0))
      return `GGUF has blocks of ${block} weights, which rows of ${plan.cols} in groups of ${groupSize} do not fill; put the module into "ignore" or use save_format "quantwright"`;
    return null;
  },
};
