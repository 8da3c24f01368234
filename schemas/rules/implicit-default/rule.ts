// QC023: a key is left out, and the tools that read the file fill it differently.
import type { Finding } from '../../check/finding.ts';
import { isObject } from '../../configs/fields.ts';
import { rangeAt } from '../../document/find.ts';
import type { Rule } from '../rule.ts';
import { writeDefaults } from './fix.ts';

/** AutoGPTQ's and transformers' defaults where they differ. Source: config-formats sections 1.2 and 2.1. */
const DIFFERING = [
  { key: 'desc_act', spellings: ['desc_act', 'act_order', 'actorder'], autogptq: true, transformers: false },
  { key: 'group_size', spellings: ['group_size', 'q_group_size', 'groupsize'], autogptq: -1, transformers: 128 },
] as const;

export const implicitDefault: Rule = {
  code: 'QC023',
  run({ format, value, path, document }) {
    if (!isObject(value) || (format.id !== 'hf-gptq' && format.id !== 'gptq-quantize-config')) {
      return [];
    }
    const missing = DIFFERING.filter(({ spellings }) => !spellings.some((key) => Object.hasOwn(value, key)));
    return missing.map(
      ({ key, autogptq, transformers }): Finding => ({
        code: 'QC023',
        severity: 'hint',
        path: [...path, key],
        range: rangeAt(document.root, [...path, key]),
        supportRule: null,
        message: `"${key}" is left out: AutoGPTQ then takes ${autogptq}, transformers ${transformers}. Write it down.`,
        source: 'AutoGPTQ/AutoGPTQ auto_gptq/quantization/config.py :: BaseQuantizeConfig',
        fixes: writeDefaults([...path, key], format.id, { autogptq, transformers }),
      }),
    );
  },
};
