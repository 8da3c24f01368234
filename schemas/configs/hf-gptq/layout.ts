// What GPTQModel refuses of a GPTQ file: a layout that is another method's, and the mark it no longer reads.
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import type { JsonObject } from '../fields.ts';
import { removeFix, setFix } from '../fixes.ts';

const SOURCE = 'ModelCloud/GPTQModel gptqmodel/quantization/config.py :: QuantizeConfig';

export function layoutProblems(value: JsonObject, path: JsonPath): readonly LowerProblem[] {
  return [...wrongPair(value, path), ...marlinMark(value, path)];
}

/** QUANT_METHOD_FORMAT_MAPPING: gemm is a layout of AWQ. */
function wrongPair(value: JsonObject, path: JsonPath): readonly LowerProblem[] {
  return ['checkpoint_format', 'format'].flatMap((key) =>
    value[key] !== 'gemm'
      ? []
      : [
          {
            code: 'QC013',
            path: [...path, key],
            on: 'value' as const,
            message: `"${key}" is "gemm", which is a layout of AWQ; with GPTQ the loader has gptq, gptq_v2, gptq_p, marlin and bitblas, and refuses every other pair.`,
            source: SOURCE,
            fixes: [setFix([...path, key], 'gptq')],
          },
        ],
  );
}

function marlinMark(value: JsonObject, path: JsonPath): readonly LowerProblem[] {
  if (!Object.hasOwn(value, 'is_marlin_format')) {
    return [];
  }
  const at = [...path, 'is_marlin_format'];
  const marlin = value['is_marlin_format'] === true && !Object.hasOwn(value, 'checkpoint_format') && !Object.hasOwn(value, 'format');
  const said = { code: 'QC020', severity: 'warning' as const, path: at, source: SOURCE };
  return marlin
    ? [
        {
          ...said,
          message: "is_marlin_format is AutoGPTQ's old mark; GPTQModel now raises on it. The layout is named by checkpoint_format.",
          fixes: [
            {
              title: 'Write "checkpoint_format": "marlin" instead',
              edits: [
                { kind: 'set', path: [...path, 'checkpoint_format'], value: 'marlin' },
                { kind: 'remove', path: at },
              ],
              preferred: true,
            },
          ],
        },
      ]
    : [{ ...said, message: "is_marlin_format is AutoGPTQ's old mark; GPTQModel now raises on it, whatever its value.", fixes: [removeFix(at)] }];
}
