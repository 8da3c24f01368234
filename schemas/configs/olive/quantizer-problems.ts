// Settings of one quantizing pass: bits, groups, activation order, and patterns that mean something else than they say.
import type { LowerProblem } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { setFix } from '../fixes.ts';
import type { Quantizer } from './passes.ts';
import type { Step } from './steps.ts';

/** Only plain numbers are judged: a setting may also be a list to search in. */
export function quantizerProblems(step: Step): readonly LowerProblem[] {
  const { quantizer } = step;
  return [
    ...(quantizer === null ? [] : [...bits(step, quantizer), ...group(step, quantizer), ...order(step, quantizer)]),
    ...(step.pass === 'OnnxBnb4Quantization' ? precision(step) : []),
    ...globs(step),
  ];
}

function bits({ settings, settingsPath, pass }: Step, { bits: { allowed }, source }: Quantizer): readonly LowerProblem[] {
  const value = settings.integer('bits');
  if (value === null || allowed === null || allowed.includes(value)) {
    return [];
  }
  const at = [...settingsPath, 'bits'];
  const message = `${pass} quantizes to ${list(allowed)} bits, not ${value}.`;
  return [{ code: 'QC005', path: at, on: 'value', message, source, fixes: [setFix(at, nearest(allowed, value))] }];
}

function group({ settings, settingsPath, pass }: Step, { group: { key, allowed }, source }: Quantizer): readonly LowerProblem[] {
  const value = settings.number(key);
  const at = [...settingsPath, key];
  const problem = (message: string, fix: number): readonly LowerProblem[] => [
    { code: 'QC006', path: at, on: 'value', message, source, fixes: [setFix(at, fix)] },
  ];
  if (value === null) {
    return [];
  }
  if (allowed === null) {
    return Number.isInteger(value) && (value > 0 || value === -1)
      ? []
      : problem(`${key} is ${value}; ${pass} takes -1 (per channel) or a whole number greater than 0.`, 128);
  }
  if (allowed === 'power of two from 16') {
    const power = Number.isInteger(Math.log2(value)) && value >= 16;
    return power
      ? []
      : problem(
          `${key} is ${value}; ONNX Runtime's MatMulNBits, which ${pass} writes, takes powers of two from 16 on.`,
          nearest([16, 32, 64, 128, 256], value),
        );
  }
  return allowed.includes(value) ? [] : problem(`${key} is ${value}; ${pass} takes ${list(allowed)}.`, nearest(allowed, value));
}

function order({ settings, settingsPath, pass }: Step, { group: { key, default: usual }, descAct, source }: Quantizer): readonly LowerProblem[] {
  const size = settings.integer(key) ?? usual;
  if (descAct !== 'with -1' || settings.boolean('desc_act') !== true || size === -1) {
    return [];
  }
  const at = [...settingsPath, 'desc_act'];
  const message = `${pass} stops: "desc_act can only be True when group_size is -1." Here it is ${size}.`;
  const perChannel = { ...setFix([...settingsPath, key], -1), preferred: false };
  return [{ code: 'QC009', path: at, on: 'value', message, source, fixes: [setFix(at, false), perChannel] }];
}

function precision({ settings, settingsPath }: Step): readonly LowerProblem[] {
  const value = settings.text('precision');
  if (value === null || ['fp4', 'nf4'].includes(value.toLowerCase())) {
    return [];
  }
  const at = [...settingsPath, 'precision'];
  const message = `OnnxBnb4Quantization quantizes to fp4 or nf4, not ${value}.`;
  return [{ code: 'QC005', path: at, on: 'value', message, source: 'microsoft/Olive olive/passes/onnx/bnb_quantization.py', fixes: [setFix(at, 'nf4')] }];
}

/** `.*lm_head*` is written like a file pattern; as a regular expression its last star repeats the d. */
function globs({ settings, settingsPath }: Step): readonly LowerProblem[] {
  return ['dynamic', 'overrides'].flatMap((key) =>
    Object.keys(isObject(settings.value[key]) ? settings.value[key] : {})
      .filter((pattern) => /[A-Za-z0-9]\*$/.test(pattern))
      .map((pattern): LowerProblem => {
        const at = [...settingsPath, key, pattern];
        const meant = pattern.replace(/\*$/, '.*');
        const message = `In "${pattern}" the last star repeats the letter before it: this is a regular expression, not a file pattern. Write "${meant}" for everything that begins so.`;
        const fix = { title: `Write "${meant}"`, edits: [{ kind: 'rename' as const, path: at, key: meant }], preferred: true };
        return {
          code: 'QC025',
          path: at,
          on: 'key',
          severity: 'hint',
          message,
          source: 'ModelCloud/GPTQModel gptqmodel/quantization/config.py :: QuantizeConfig',
          fixes: [fix],
        };
      }),
  );
}

function list(values: readonly number[]): string {
  return values.length === 1 ? String(values[0]) : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function nearest(values: readonly number[], value: number): number {
  return [...values].sort((a, b) => Math.abs(a - value) - Math.abs(b - value) || a - b)[0] ?? value;
}
