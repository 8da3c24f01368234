// Olive workflows (JSON or YAML of any name): recognised by `passes` whose members have a type.
import { schema } from '../../generated/schema-olive.ts';
import { validate } from '../../generated/validate-olive.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { lowerWorkflow, quantizingStep } from './lower.ts';
import { snippets } from './snippets.ts';

export const olive: ConfigFormat = {
  id: 'olive',
  title: 'Olive workflow',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  snippets,
  match(_fileName, root) {
    const value = root?.value;
    if (!isObject(value) || !isObject(value['passes'])) {
      return null;
    }
    const typed = Object.values(value['passes']).some((pass) => [pass].flat().some((one) => isObject(one) && typeof one['type'] === 'string'));
    return Object.hasOwn(value, 'input_model') || typed ? { path: [] } : null;
  },
  lower: lowerWorkflow,
  spell(field, value, { value: workflow, path }) {
    const step = quantizingStep(workflow, path);
    const quantizer = step?.quantizer ?? null;
    if (step === null || quantizer === null) {
      return [];
    }
    const set = (key: string, to: unknown) => [{ kind: 'set' as const, path: [...step.settingsPath, key], value: to }];
    switch (field) {
      case 'weights.bits':
        return quantizer.bits.allowed === null || quantizer.bits.allowed.includes(Number(value)) ? set('bits', value) : [];
      case 'weights.groupSize':
        return set(quantizer.group.key, value);
      case 'weights.symmetric':
        return quantizer.symmetric === null ? [] : set(quantizer.symmetric.key, quantizer.symmetric.key === 'zero_point' ? value !== true : value);
      case 'weights.descAct':
        return quantizer.method === 'gptq' ? set('desc_act', value) : [];
      default:
        return [];
    }
  },
};
