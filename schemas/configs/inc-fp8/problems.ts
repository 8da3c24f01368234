// What the parser of FP8 configs refuses, replaces or does not see, in its own words where it has some.
import { nearestWord } from '../../check/nearest-word.ts';
import { schema } from '../../generated/schema-inc-fp8.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import { type Fields, isObject } from '../fields.ts';
import { removeFix, renameFix, setFix } from '../fixes.ts';
import { DYNAMIC_METHODS, FLAGS, flag, MODES, SOURCE, scaleMethod, WORDS } from './values.ts';

export function fp8Problems(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const problem = (key: string, message: string, rest: Partial<LowerProblem>): LowerProblem => ({
    code: 'QC022',
    path: [...path, key],
    on: 'value',
    message,
    source: SOURCE,
    ...rest,
  });
  return [...words(fields, path, problem), ...dynamic(fields, path, problem), ...scalar(fields, path, problem), ...names(fields, path, problem)];
}

type MakeProblem = (key: string, message: string, rest: Partial<LowerProblem>) => LowerProblem;

function words(fields: Fields, path: JsonPath, problem: MakeProblem): readonly LowerProblem[] {
  const wrong = Object.entries(WORDS).flatMap(([key, allowed]) => {
    const text = fields.text(key);
    if (text === null || allowed.includes(text.toUpperCase())) {
      return [];
    }
    if (key === 'mode' && text.toUpperCase() === 'AUTO') {
      const message =
        'Mode AUTO exists only in the FP8Config Python API; a program that reads this file by itself stops at it. QUANTIZE and MEASURE are its two steps.';
      return [problem(key, message, { severity: 'warning', fixes: [setFix([...path, key], 'QUANTIZE')] })];
    }
    const nearest = nearestWord(text, allowed);
    const message = `Neural Compressor stops: "Invalid '${key}' value in custom config ('${text}'). Enter one of [${allowed.join(', ')}]".`;
    return [problem(key, message, { fixes: nearest === null ? [] : [setFix([...path, key], nearest)] })];
  });
  const flags = FLAGS.flatMap((key) => {
    const text = fields.text(key);
    return text === null || /^(true|false)$/i.test(text)
      ? []
      : [problem(key, `"${key}" is ${JSON.stringify(text)}; Neural Compressor knows true and false, also as "True" and "False".`, { severity: 'warning' })];
  });
  return [...wrong, ...flags];
}

function dynamic(fields: Fields, path: JsonPath, problem: MakeProblem): readonly LowerProblem[] {
  const method = scaleMethod(fields);
  if (!flag(fields, 'dynamic_quantization')) {
    return method !== null && DYNAMIC_METHODS.includes(method)
      ? [
          problem('scale_method', `Neural Compressor stops: "Unsupported config: scale_method ${method} is supported only in dynamic quantization".`, {
            fixes: [setFix([...path, 'dynamic_quantization'], true)],
          }),
        ]
      : [];
  }
  const found = ['use_qdq', 'fake_quant']
    .filter((key) => flag(fields, key))
    .map((key) =>
      problem(key, 'Neural Compressor stops: "Currently dynamic quantization is not supported for qdq and fake quant."', {
        fixes: [removeFix([...path, key]), { ...setFix([...path, 'dynamic_quantization'], false), preferred: false }],
      }),
    );
  const mode = fields.text('mode')?.toUpperCase() ?? 'QUANTIZE';
  if (MODES.includes(mode) && mode !== 'QUANTIZE' && mode !== 'LOAD') {
    const message = `Neural Compressor stops: "Quantization mode is ${mode}, but dynamic quantization is only supported in QUANTIZE or LOAD mode".`;
    found.push(
      problem('mode', message, { fixes: [setFix([...path, 'mode'], 'QUANTIZE'), { ...setFix([...path, 'dynamic_quantization'], false), preferred: false }] }),
    );
  }
  return found;
}

function scalar(fields: Fields, path: JsonPath, problem: MakeProblem): readonly LowerProblem[] {
  const method = scaleMethod(fields);
  const why = flag(fields, 'dynamic_quantization')
    ? 'dynamic_quantization'
    : flag(fields, 'fake_quant')
      ? 'fake_quant'
      : method?.split('_').includes('PCS') === true
        ? `the scales per channel of ${method}`
        : null;
  return why === null || fields.text('scale_format')?.toUpperCase() !== 'SCALAR'
    ? []
    : [
        problem('scale_format', `With ${why} Neural Compressor warns and takes CONST in the place of SCALAR.`, {
          severity: 'hint',
          fixes: [setFix([...path, 'scale_format'], 'CONST')],
        }),
      ];
}

/** Old names, and unknown keys with objects, which the parser looks up without looking first. */
function names(fields: Fields, path: JsonPath, problem: MakeProblem): readonly LowerProblem[] {
  const known = schema.properties ?? {};
  return Object.entries(fields.value).flatMap(([key, value]) => {
    const newer = Object.hasOwn(known, key) ? known[key]?.['x-alias-of'] : undefined;
    if (newer !== undefined) {
      const both = Object.hasOwn(fields.value, newer);
      const message = `"${key}" is the old name of "${newer}"; it is still read.${both ? ` "${newer}" stands here too.` : ''}`;
      const fix = both ? removeFix([...path, key]) : renameFix([...path, key], newer);
      return [problem(key, message, { code: 'QC020', severity: 'hint', on: 'key', fixes: [fix] })];
    }
    return Object.hasOwn(known, key) || !isObject(value)
      ? []
      : [
          problem(key, `Neural Compressor has no key "${key}" that holds an object, and stops with a KeyError.`, {
            on: 'key',
            fixes: [removeFix([...path, key])],
          }),
        ];
  });
}
