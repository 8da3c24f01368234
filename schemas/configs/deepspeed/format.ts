// DeepSpeed's compression_training (ZeroQuant, XTC, MoQ), in a DeepSpeed config of any name.
import type { Edit } from '../../check/finding.ts';
import { schema } from '../../generated/schema-deepspeed.ts';
import { validate } from '../../generated/validate-deepspeed.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { groupsOf } from './groups.ts';
import { inspectTraining } from './inspect.ts';
import { lowerCompression } from './lower.ts';
import { snippets } from './snippets.ts';

const PLACE = 'compression_training';

export const deepspeed: ConfigFormat = {
  id: 'deepspeed',
  title: 'DeepSpeed compression_training',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  snippets,
  match: (_fileName, root) => (isObject(root?.value) && Object.hasOwn(root.value, PLACE) ? { path: [PLACE] } : null),
  lower: lowerCompression,
  spell(field, value, { value: config, path }) {
    const section = [...path, 'weight_quantization'];
    if (field === 'weights.symmetric') {
      return [{ kind: 'set', path: [...section, 'shared_parameters', 'quantization_type'], value: value === true ? 'symmetric' : 'asymmetric' }];
    }
    const [first] = groupsOf(config, 'weight_quantization');
    if (field !== 'weights.bits' || first === undefined || typeof value !== 'number') {
      return [];
    }
    const params = [...section, 'different_groups', first.name, 'params'];
    const edits: Edit[] = [{ kind: 'set', path: [...params, 'target_bits'], value }];
    const start = first.params.integer('start_bits');
    return start === null || start < value ? [{ kind: 'set', path: [...params, 'start_bits'], value }, ...edits] : edits;
  },
  inspect: inspectTraining,
};
