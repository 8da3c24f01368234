// Problems of the whole config: its groups, formats, patterns and old keys.
import { nearestWord } from '../../check/nearest-word.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { fromPython } from '../hf/module-patterns.ts';
import type { Group } from './groups.ts';
import { presetNamed, presets } from './presets.ts';
import { argsProblems, type Role } from './scheme-problems.ts';

const CONFIG = 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_config.py :: QuantizationConfig';
const ROLES: readonly Role[] = ['weights', 'input_activations', 'output_activations'];
/** Formats of small floats -> the group size their blocks have. */
const BLOCKS: Readonly<Record<string, number>> = { 'nvfp4-pack-quantized': 16, 'mxfp4-pack-quantized': 32, 'mxfp8-quantized': 32 };

export function configProblems(fields: Fields, groups: readonly Group[], path: JsonPath): readonly LowerProblem[] {
  return [
    ...groups.flatMap((group) => groupProblems(fields, group)),
    ...argsProblems('kv_cache_scheme', fields.value['kv_cache_scheme'], [...path, 'kv_cache_scheme']),
    ...patternProblems(fields.texts('ignore'), [...path, 'ignore']),
    ...oldSwitch(fields, path),
  ];
}

function groupProblems(fields: Fields, group: Group): readonly LowerProblem[] {
  if (group.preset) {
    return [...presetProblems(group), ...patternProblems(group.targets, group.path)];
  }
  return [
    ...ROLES.flatMap((role) => argsProblems(role, group.scheme[role], [...group.path, role])),
    ...formatProblems(fields, group),
    ...patternProblems(group.targets, [...group.path, 'targets']),
  ];
}

/** A list of targets is the short form of a preset, whose name the group then has. */
function presetProblems({ name, path }: Group): readonly LowerProblem[] {
  if (presetNamed(name) !== null) {
    return [];
  }
  const near = nearestWord(name, Object.keys(presets));
  return [
    {
      code: 'QC013',
      path,
      message: `"${name}" is a list of targets, so its name must be a preset (${Object.keys(presets).join(', ')}), which it is not.${near === null ? '' : ` Did you mean "${near}"?`}`,
      source: 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: preset_name_to_scheme',
      fixes: near === null ? [] : [{ title: `Rename to "${near}"`, edits: [{ kind: 'rename', path, key: near }], preferred: true }],
    },
  ];
}

function formatProblems(fields: Fields, { scheme, path, weights }: Group): readonly LowerProblem[] {
  const own = typeof scheme['format'] === 'string' ? scheme['format'] : null;
  const top = fields.text('format');
  if (top === 'mixed-precision' && (scheme['format'] ?? null) === null) {
    return [
      {
        code: 'QC013',
        severity: 'warning',
        path: [...path, 'format'],
        message: 'The top says mixed-precision, so each group names its own format; this one has none.',
        source: CONFIG,
        fixes: [setFix([...path, 'format'], weights?.float === true ? 'float-quantized' : 'pack-quantized')],
      },
    ];
  }
  const format = own ?? top;
  const block = format !== null && Object.hasOwn(BLOCKS, format) ? BLOCKS[format] : undefined;
  const size = weights?.groupSize ?? null;
  const at = [...path, 'weights', 'group_size'];
  return block === undefined || size === null || size < 1 || size === block
    ? []
    : [
        {
          code: 'QC006',
          path: at,
          on: 'value',
          message: `group_size ${size} does not go with ${format}, whose blocks have ${block} weights.`,
          source: 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py',
          fixes: [setFix(at, block)],
        },
      ];
}

function patternProblems(targets: readonly string[], path: JsonPath): readonly LowerProblem[] {
  return targets.flatMap((target, index) =>
    !target.startsWith('re:') || startAnchored(fromPython(target.slice(3))) !== null
      ? []
      : [
          {
            code: 'QC025',
            severity: 'warning' as const,
            path: [...path, index],
            on: 'value' as const,
            message: `${JSON.stringify(target.slice(3))} is not a regular expression, so it names no module.`,
            source: 'vllm-project/compressed-tensors src/compressed_tensors/utils/match.py',
          },
        ],
  );
}

function oldSwitch(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const run = fields.boolean('run_compressed');
  const at = [...path, 'run_compressed'];
  return run === null
    ? []
    : [
        {
          code: 'QC020',
          severity: 'hint',
          path: at,
          message: `run_compressed is deprecated; "dequantize": ${!run} says the same.`,
          source: 'huggingface/transformers src/transformers/utils/quantization_config.py :: CompressedTensorsConfig',
          fixes: [
            {
              title: `Write "dequantize": ${!run} instead`,
              edits: [
                { kind: 'set', path: [...path, 'dequantize'], value: !run },
                { kind: 'remove', path: at },
              ],
              preferred: true,
            },
          ],
        },
      ];
}
