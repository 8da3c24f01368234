// AutoAWQ's quant_config.json. The name is also that of FPGA tools, trading bots and other quantizers, so the shape decides.
import { schema } from '../../generated/schema-awq-quant-config.ts';
import { validate } from '../../generated/validate-awq-quant-config.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';
import { baseName } from '../file-name.ts';
import { removeFix, setFix } from '../fixes.ts';
import { isOtherMethod } from '../hf/known-methods.ts';
import { literal } from '../hf/not-converted.ts';
import { type AwqKeys, awqRecipe, versionOf, versionProblems } from '../hf-awq/awq.ts';

const SOURCE = 'casper-hansen/AutoAWQ awq/models/_config.py :: AwqConfig';
const KEYS: AwqKeys = { bits: 'w_bit', groupSize: 'q_group_size', version: ['version'] };
const LAYOUTS = { known: ['gemm', 'gemv', 'gemv_fast', 'marlin'], gone: {}, words: 'AutoAWQ has', source: SOURCE };

export const awqQuantConfig: ConfigFormat = {
  id: 'awq-quant-config',
  title: 'AutoAWQ quant_config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    {
      label: 'AWQ 4 bits, group 128',
      description: 'What every AWQ kernel reads',
      value: { zero_point: true, q_group_size: 128, w_bit: 4, version: 'GEMM' },
    },
  ],
  match(fileName, root) {
    const value = root?.value;
    const name = baseName(fileName);
    if (!isObject(value) || name.endsWith('.quant.json')) {
      return null;
    }
    const has = (...keys: readonly string[]): boolean => keys.some((key) => Object.hasOwn(value, key));
    const method = value['quant_method'];
    const foreign = (isOtherMethod(method) && method !== 'awq') || method === 'gptq' || has('config_groups', 'weight_format', 'desc_act');
    const own = has('w_bit') && has('q_group_size', 'zero_point', 'version');
    // Keys of config.json in AutoAWQ's file.
    const mixed = name === 'quant_config.json' && has('bits', 'w_bit', 'wbits') && has('q_group_size', 'zero_point', 'version');
    return !foreign && (own || mixed) ? { path: [] } : null;
  },
  lower(value, path) {
    const fields = fieldsOf(value, path);
    fields.origin('methods', 'quant_method', 'w_bit');
    fields.origin('scheme', 'quant_method', 'w_bit');
    for (const field of ['weights', 'weights.bits', 'weights.dtype'] as const) {
      fields.origin(field, 'w_bit');
    }
    fields.origin('weights.groupSize', 'q_group_size');
    fields.origin('weights.symmetric', 'zero_point');
    fields.origin('variant', 'version');
    fields.origin('ignore', 'modules_to_not_convert');
    const recipe = awqRecipe('awq-quant-config', fields, KEYS);
    // AutoAWQ awq/utils/module.py :: exclude_layers_to_not_quantize: any name that has the entry in it.
    const ignore = fields.texts('modules_to_not_convert').map((name) => `.*${literal(name)}`);
    return {
      recipe: recipe === null ? null : { ...recipe, ignore },
      origins: fields.origins(),
      problems: [...versionProblems(fields, KEYS, path, LAYOUTS), ...zeroPoints(fields, path)],
    };
  },
  spell(field, value, { path }) {
    const key = field === 'weights.bits' ? 'w_bit' : field === 'weights.groupSize' && value !== -1 ? 'q_group_size' : null;
    if (field === 'weights.symmetric') {
      return [{ kind: 'set', path: [...path, 'zero_point'], value: value !== true }];
    }
    return key === null ? [] : [{ kind: 'set', path: [...path, key], value }];
  },
};

/** Marlin's layout has no zero points; the others are made for them. */
function zeroPoints(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const version = versionOf(fields, KEYS)?.name ?? 'gemm';
  const zeroPoint = fields.boolean('zero_point') ?? true;
  const at = [...path, 'zero_point'];
  if (version === 'marlin' && zeroPoint) {
    return [
      {
        code: 'QC005',
        path: at,
        message: 'The version marlin has no zero points: zero_point must be false (true is the default).',
        source: SOURCE,
        fixes: [setFix(at, false)],
      },
    ];
  }
  return version === 'gemm' && !zeroPoint
    ? [
        {
          code: 'QC005',
          severity: 'warning',
          path: at,
          message: "zero_point false makes symmetric codes, which AutoAWQ's gemm kernels do not support; marlin is the version for them.",
          source: 'casper-hansen/AutoAWQ issue 478',
          fixes: [{ ...removeFix(at), title: 'Remove "zero_point" (true when left out)' }],
        },
      ]
    : [];
}
