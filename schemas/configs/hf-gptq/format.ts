// GPTQ in a model's config.json: `quantization_config` as transformers reads it. A config.json without one, or with another method's, is not ours.
import { schema } from '../../generated/schema-hf-gptq.ts';
import { validate } from '../../generated/validate-hf-gptq.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { droppedKeys } from '../hf/dropped-keys.ts';
import { inspectPlace } from '../hf/inspect.ts';
import { isOtherMethod } from '../hf/known-methods.ts';
import { hfPlaces } from '../hf/place.ts';
import { layoutProblems } from './layout.ts';
import { lowerGptq } from './lower-gptq.ts';
import { spellGptq } from './spell-gptq.ts';

const SOURCE = 'huggingface/transformers src/transformers/utils/quantization_config.py :: GPTQConfig';
const EXLLAMA = 'transformers 5 leaves the choice of the kernel to GPTQModel (`backend`).';
const DROPPED = {
  use_exllama: EXLLAMA,
  disable_exllama: EXLLAMA,
  exllama_config: EXLLAMA,
  use_cuda_fp16: 'transformers 5 has no such switch.',
};

export const hfGptq: ConfigFormat = {
  id: 'hf-gptq',
  title: 'GPTQ quantization_config in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    snippet('GPTQ 4 bits, group 128', 'What most runtimes have their fastest kernels for', 4, 128),
    snippet('GPTQ 4 bits, group 32', 'Closer to the original, about 0.4 bits more for each weight', 4, 32),
    snippet('GPTQ 8 bits, per channel', 'Nearly without loss', 8, -1),
  ],
  match(fileName, root) {
    const found = hfPlaces(fileName, root).find(({ path, config }) => (path.length > 0 ? looksLikeGptq(config) : isFragment(fileName, config)));
    return found === undefined ? null : { path: found.path };
  },
  lower(value, path) {
    const lowered = lowerGptq('hf-gptq', { bits: null, groupSize: 128, descAct: false, dampPercent: 0.1 }, value, path);
    const own: readonly LowerProblem[] = isObject(value) ? [...layoutProblems(value, path), ...droppedKeys(value, path, DROPPED, SOURCE)] : [];
    return { ...lowered, problems: [...lowered.problems, ...own] };
  },
  spell: spellGptq,
  inspect: inspectPlace,
};

/** quant_method gptq; or none, or an unknown one, with the keys of GPTQ beside it. */
function looksLikeGptq(config: JsonObject): boolean {
  const method = config['quant_method'];
  if (method === 'gptq' || isOtherMethod(method)) {
    return method === 'gptq';
  }
  const has = (...keys: readonly string[]): boolean => keys.some((key) => Object.hasOwn(config, key));
  const foreign = has('zero_point', 'version', 'config_groups', 'quant_algo', 'packing_format', 'autoround_version', 'quant_config', 'weight_format');
  return !foreign && has('bits', 'w_bit', 'wbits') && has('group_size', 'q_group_size', 'groupsize', 'desc_act', 'sym', 'damp_percent');
}

/** The member alone, in a file of any name but those that AutoGPTQ's own has; DashInfer's jobs name gptq too, with keys of their own. */
function isFragment(fileName: string, config: JsonObject): boolean {
  const own = ['weight_format', 'compute_method', 'activate_format', 'group_settings', 'w_bit', 'wbits'].some((key) => Object.hasOwn(config, key));
  const named = /(^|\.)(quantize_config|quant_config|quantization_config)\.json$/.test(baseName(fileName));
  return config['quant_method'] === 'gptq' && Object.hasOwn(config, 'bits') && !own && !named;
}

function snippet(label: string, description: string, bits: number, groupSize: number): NonNullable<ConfigFormat['snippets']>[number] {
  return { label, description, value: { quant_method: 'gptq', bits, group_size: groupSize, desc_act: false, sym: true } };
}
