// *.quant.json: our own config file. The suffix is ours, so it is claimed by name, except when its shape is clearly another tool's.
import { schema } from '../../generated/schema-quantwright.ts';
import { validate } from '../../generated/validate-quantwright.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { lowerCustomized } from './lower.ts';
import { spellCustomized } from './spell.ts';

/** Top-level keys of other tools' files (config-formats section 0). */
const FOREIGN = ['per_model_config', 'config_groups', 'compression_training', 'producer', 'algorithms', 'passes', 'quantization_config'];

export const quantwright: ConfigFormat = {
  id: 'quantwright',
  title: 'Quantwright quantization config (*.quant.json)',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  match(fileName, root) {
    if (!baseName(fileName).endsWith('.quant.json')) {
      return null;
    }
    const value = root?.value;
    return isObject(value) && FOREIGN.some((key) => Object.hasOwn(value, key)) ? null : { path: [] };
  },
  lower: (value, path) => lowerCustomized('quantwright', value, path),
  spell: (field, value, config) => spellCustomized('own', field, value, config),
};
