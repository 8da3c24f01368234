// AWQ in a model's config.json, as transformers reads it (through GPTQModel since version 5).
import { schema } from '../../generated/schema-hf-awq.ts';
import { validate } from '../../generated/validate-hf-awq.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import type { Fields, JsonObject } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { droppedKeys } from '../hf/dropped-keys.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';
import { hfPlaces } from '../hf/place.ts';
import { type AwqKeys, awqRecipe, versionProblems } from './awq.ts';

const SOURCE = 'huggingface/transformers src/transformers/utils/quantization_config.py :: AwqConfig';
const KEYS: AwqKeys = { bits: 'bits', groupSize: 'group_size', version: ['version', 'format', 'checkpoint_format'] };
const FUSED = 'transformers 5 runs AWQ through GPTQModel, which fuses no modules.';
const DROPPED = {
  do_fuse: FUSED,
  fuse_max_seq_len: FUSED,
  modules_to_fuse: FUSED,
  exllama_config: 'the kernel is chosen by "backend".',
};
const MOVED = 'transformers 5 refuses it: the layouts are gemm, gemv, gemv_fast and llm-awq, and the kernel is named by "backend".';

export const hfAwq: ConfigFormat = {
  ...methodFormat({
    id: 'hf-awq',
    title: 'AWQ quantization_config in config.json',
    methods: ['awq'],
    schema,
    validate,
    snippets: [
      snippet('AWQ 4 bits, group 128', 'What every AWQ kernel reads', 128),
      snippet('AWQ 4 bits, group 64', 'For widths that 128 does not divide', 64),
    ],
    origins: {
      weights: ['bits'],
      'weights.bits': ['bits'],
      'weights.dtype': ['bits'],
      'weights.groupSize': ['group_size'],
      'weights.symmetric': ['zero_point', 'sym'],
      'weights.descAct': ['desc_act'],
      variant: KEYS.version,
      overrides: ['dynamic'],
      lmHead: ['lm_head'],
    },
    recipe: (fields) => awqRecipe('hf-awq', fields, KEYS),
    problems,
    spellings: {
      'weights.bits': numberAt('bits'),
      'weights.groupSize': numberAt('group_size'),
      'weights.symmetric': { path: ['zero_point'], write: (symmetric) => symmetric !== true },
    },
  }),
  match(fileName, root) {
    // AutoAWQ's own file may name its method too; there the keys are w_bit and q_group_size.
    const found = hfPlaces(fileName, root).find(({ path, config }) => isAwq(config) && (path.length > 0 || !has(config, 'w_bit', 'q_group_size')));
    return found === undefined ? null : { path: found.path };
  },
};

function isAwq(config: JsonObject): boolean {
  const method = config['quant_method'];
  const shaped = has(config, 'zero_point', 'version') && has(config, 'bits', 'w_bit') && has(config, 'group_size', 'q_group_size');
  return typeof method === 'string' ? method === 'awq' : shaped && !has(config, 'quant_algo', 'config_groups', 'load_in_4bit', 'load_in_8bit');
}

function has(config: JsonObject, ...keys: readonly string[]): boolean {
  return keys.some((key) => Object.hasOwn(config, key));
}

function problems(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const layouts = {
    known: ['gemm', 'gemv', 'gemv_fast', 'llm-awq'],
    gone: { exllama: MOVED, ipex: MOVED, marlin: MOVED },
    words: 'transformers refuses it ("Invalid format"). It has',
    source: SOURCE,
  };
  return [...versionProblems(fields, KEYS, path, layouts), ...contradiction(fields, path), ...droppedKeys(fields.value, path, DROPPED, SOURCE)];
}

/** GPTQModel writes sym beside zero_point; they say the same thing twice. */
function contradiction(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const [symmetric, zeroPoint] = [fields.boolean('sym'), fields.boolean('zero_point')];
  return symmetric === null || zeroPoint === null || symmetric !== zeroPoint
    ? []
    : [
        {
          code: 'QC005',
          severity: 'warning',
          path: [...path, 'sym'],
          message: `sym ${symmetric} and zero_point ${zeroPoint} contradict each other: AWQ kernels go by zero_point, GPTQModel takes zero_point as "not sym".`,
          source: 'ModelCloud/GPTQModel gptqmodel/quantization/config.py :: QuantizeConfig',
          fixes: [setFix([...path, 'sym'], !zeroPoint)],
        },
      ];
}

function snippet(label: string, description: string, groupSize: number): NonNullable<ConfigFormat['snippets']>[number] {
  return {
    label,
    description,
    value: { quant_method: 'awq', bits: 4, group_size: groupSize, zero_point: true, version: 'gemm', modules_to_not_convert: null },
  };
}
