// quantize_config.json: GPTQ settings beside the weights, as AutoGPTQ and GPTQModel write them. The name is used by other tools too, so the shape decides.
import { schema } from '../../generated/schema-gptq-quantize-config.ts';
import { validate } from '../../generated/validate-gptq-quantize-config.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { isOtherMethod } from '../hf/known-methods.ts';
import { layoutProblems } from '../hf-gptq/layout.ts';
import { lowerGptq } from '../hf-gptq/lower-gptq.ts';
import { spellGptq } from '../hf-gptq/spell-gptq.ts';

/** Keys that only GPTQ's own tools write; telling where the file name is also AutoAWQ's or auto-round's. */
const TELLING = ['desc_act', 'damp_percent', 'true_sequential', 'static_groups', 'is_marlin_format'];

export const gptqQuantizeConfig: ConfigFormat = {
  id: 'gptq-quantize-config',
  title: 'GPTQ quantize_config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    {
      label: 'GPTQ 4 bits, group 128',
      description: 'What most runtimes have their fastest kernels for',
      value: {
        bits: 4,
        group_size: 128,
        desc_act: false,
        sym: true,
        damp_percent: 0.1,
        true_sequential: true,
        quant_method: 'gptq',
        checkpoint_format: 'gptq',
      },
    },
  ],
  match(fileName, root) {
    const name = baseName(fileName);
    const value = root?.value;
    if (!isObject(value)) {
      return null;
    }
    const has = (...keys: readonly string[]): boolean => keys.some((key) => Object.hasOwn(value, key));
    const method = value['quant_method'];
    const bits = has('bits', 'w_bit', 'wbits');
    const foreign = isOtherMethod(method) || has('zero_point', 'version', 'config_groups', 'weight_format');
    const ours = name === 'quantize_config.json' || name.endsWith('.quantize_config.json');
    const shared = name === 'quant_config.json' || name === 'quantization_config.json';
    const shaped = bits && has('group_size', 'q_group_size', 'groupsize', 'quant_method', ...TELLING);
    return !foreign && shaped && (ours || (shared && (method === 'gptq' || has(...TELLING)))) ? { path: [] } : null;
  },
  lower(value, path) {
    const lowered = lowerGptq('gptq-quantize-config', { bits: 4, groupSize: -1, descAct: true, dampPercent: 0.01 }, value, path);
    return { ...lowered, problems: [...lowered.problems, ...(isObject(value) ? layoutProblems(value, path) : [])] };
  },
  spell: spellGptq,
};
