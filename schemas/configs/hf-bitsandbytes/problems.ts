// What bitsandbytes settings cannot say at once, and numbers that Python reads as another type than they were meant to have.
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem, PlaceProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { removeFix, setFix } from '../fixes.ts';

const SOURCE = 'huggingface/transformers src/transformers/utils/quantization_config.py :: BitsAndBytesConfig';

export function bitsAndBytesProblems(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  return [...bothOrNeither(fields, path), ...twins(fields, path), ...slowCompute(fields, path)];
}

function bothOrNeither(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const [four, eight] = [fields.boolean('load_in_4bit') === true, fields.boolean('load_in_8bit') === true];
  if (four && eight) {
    const at = [...path, 'load_in_8bit'];
    return [
      {
        code: 'QC013',
        path: at,
        message:
          'load_in_4bit and load_in_8bit are both true. transformers refuses: "load_in_4bit and load_in_8bit are both True, but only one can be used at the same time".',
        source: SOURCE,
        fixes: [setFix(at, false), { ...setFix([...path, 'load_in_4bit'], false), preferred: false }],
      },
    ];
  }
  const method = fields.text('quant_method');
  if (four || eight || fields.broken('quant_method', method) || (method !== null && method !== 'bitsandbytes')) {
    return [];
  }
  const fix = setFix([...path, 'load_in_4bit'], true);
  return method === null
    ? [
        {
          code: 'QC004',
          path: [...path, 'quant_method'],
          message: 'quant_method is missing, and neither load_in_4bit nor load_in_8bit is true: transformers refuses the file.',
          source: 'huggingface/transformers src/transformers/quantizers/auto.py :: AutoQuantizationConfig.from_dict',
          fixes: [fix, { ...setFix([...path, 'load_in_8bit'], true), preferred: false }],
        },
      ]
    : [
        {
          code: 'QC013',
          severity: 'warning',
          path: [...path, 'quant_method'],
          message: 'Neither load_in_4bit nor load_in_8bit is true, so nothing says how wide the weights are.',
          source: SOURCE,
          fixes: [fix, { ...setFix([...path, 'load_in_8bit'], true), preferred: false }],
        },
      ];
}

/** Saving writes each switch twice. */
function twins(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  return ['load_in_4bit', 'load_in_8bit'].flatMap((key) => {
    const [own, twin] = [fields.boolean(key), fields.boolean(`_${key}`)];
    return own === null || twin === null || own === twin
      ? []
      : [
          {
            code: 'QC013',
            severity: 'warning' as const,
            path: [...path, `_${key}`],
            message: `_${key} is ${twin} and ${key} is ${own}; they are the same switch and must agree. transformers goes by ${key} when it chooses the loader.`,
            source: SOURCE,
            fixes: [setFix([...path, `_${key}`], own), { ...removeFix([...path, `_${key}`]), preferred: false }],
          },
        ];
  });
}

function slowCompute(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const written = fields.text('bnb_4bit_compute_dtype');
  if (
    fields.boolean('load_in_4bit') !== true ||
    fields.broken('bnb_4bit_compute_dtype', written) ||
    (written !== null && written !== 'float32' && written !== 'float')
  ) {
    return [];
  }
  const at = [...path, 'bnb_4bit_compute_dtype'];
  const which = written === null ? 'bnb_4bit_compute_dtype is left out, which means float32' : `bnb_4bit_compute_dtype is ${written}`;
  return [
    {
      code: 'QC007',
      severity: 'hint',
      path: at,
      message: `${which}: every layer then computes in 32 bits, which is slow; bfloat16 is the usual choice.`,
      source: SOURCE,
      fixes: [setFix(at, 'bfloat16')],
    },
  ];
}

/** JSON's 6 is an int in Python, and transformers asks for a float. Only the text tells 6 from 6.0. */
export function thresholdProblems(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  const at = [...path, 'llm_int8_threshold'];
  const node = nodeAt(root, at);
  const value = node?.value;
  if (
    node === null ||
    typeof value !== 'number' ||
    !Number.isInteger(value) ||
    Math.abs(value) >= 100 ||
    node.range.end - node.range.start !== String(value).length
  ) {
    return [];
  }
  return [
    {
      code: 'QC013',
      path: at,
      on: 'value',
      message: `llm_int8_threshold is ${value}, which Python reads as an int. transformers refuses: "llm_int8_threshold must be a float". Write ${value}.0.`,
      source: SOURCE,
      fixes: [{ title: `Write ${value}.0`, edits: [{ kind: 'replace', range: node.range, text: `${value}.0` }] }],
    },
  ];
}
