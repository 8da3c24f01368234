// What Olive refuses in a pass, or in the company of the passes: names that lead nowhere, and settings that exclude each other.
import { nearestWord } from '../../check/nearest-word.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import { fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { PASSES, PROVIDERS, SOURCE } from './passes.ts';
import { quantizerProblems } from './quantizer-problems.ts';
import { type Step, stepsOf } from './steps.ts';

const WORKFLOW = 'microsoft/Olive olive/workflows/run/config.py :: RunConfig';
/** Passes that were taken out, and what does their work now. */
const REMOVED: Readonly<Record<string, { readonly instead: string; readonly source: string }>> = {
  onnxmatmul4quantizer: { instead: 'OnnxBlockWiseRtnQuantization', source: 'microsoft/Olive pull request 1937' },
};

export function workflowProblems(workflow: unknown, path: JsonPath): readonly LowerProblem[] {
  const object = isObject(workflow) ? workflow : {};
  const providers = targetProviders(object);
  const steps = stepsOf(workflow, path);
  return [
    ...references(object, path),
    ...search(object, path),
    ...steps.flatMap((step) => [...passName(step), ...calibrationData(step, object), ...wrongProvider(step, providers), ...quantizerProblems(step)]),
  ];
}

function passName({ type, pass, path }: Step): readonly LowerProblem[] {
  const at = [...path, 'type'];
  if (type === null || pass !== null) {
    return [];
  }
  const removed = Object.hasOwn(REMOVED, type.toLowerCase()) ? REMOVED[type.toLowerCase()] : undefined;
  if (removed !== undefined) {
    const message = `Olive has removed the pass ${type}; ${removed.instead} does its work now.`;
    return [{ code: 'QC020', path: at, on: 'value', message, source: removed.source, fixes: [setFix(at, removed.instead)] }];
  }
  const nearest = nearestWord(type, PASSES);
  const guess = nearest === null ? 'Unless a package of yours adds it, the workflow stops here.' : `Did you mean ${nearest}?`;
  const fixes = nearest === null ? [] : [setFix(at, nearest)];
  return [{ code: 'QC012', path: at, on: 'value', severity: 'warning', message: `"${type}" is not a pass of Olive. ${guess}`, source: SOURCE, fixes }];
}

/** target, host, evaluator: names of something the file defines. */
function references(workflow: JsonObject, path: JsonPath): readonly LowerProblem[] {
  const lists: readonly (readonly [string, string])[] = [
    ['target', 'systems'],
    ['host', 'systems'],
    ['evaluator', 'evaluators'],
  ];
  return lists.flatMap(([key, list]) => {
    const names = Object.keys(isObject(workflow[list]) ? workflow[list] : {});
    const name = workflow[key];
    return typeof name !== 'string' || names.includes(name) ? [] : [notFound([...path, key], name, list, names)];
  });
}

function calibrationData(step: Step, workflow: JsonObject): readonly LowerProblem[] {
  const key = 'data_config';
  const at = [...step.settingsPath, key];
  const configs = Array.isArray(workflow['data_configs']) ? workflow['data_configs'] : [];
  const names = configs.flatMap((one: unknown) => fieldsOf(one, []).text('name') ?? []);
  const name = step.settings.text(key);
  if (name !== null) {
    return names.includes(name) ? [] : [notFound(at, name, 'data_configs', names)];
  }
  if (step.pass !== 'OnnxStaticQuantization' || (step.settings.value[key] ?? null) !== null) {
    return [];
  }
  const [first] = names;
  const message = 'OnnxStaticQuantization measures activations, so it needs calibration data: data_config is missing.';
  return [{ code: 'QC019', path: at, message, source: SOURCE, fixes: first === undefined ? [] : [setFix(at, first)] }];
}

function notFound(at: JsonPath, name: string, list: string, names: readonly string[]): LowerProblem {
  const nearest = nearestWord(name, names) ?? (names.length === 1 ? names[0] : undefined);
  const there = names.length === 0 ? `the file has no ${list}` : `${list} has ${names.map((one) => `"${one}"`).join(', ')}`;
  const message = `"${name}" names no entry of ${list} (${there}). Olive stops: "${name} not found in ...".`;
  return { code: 'QC013', path: at, on: 'value', message, source: WORKFLOW, fixes: nearest === undefined ? [] : [setFix(at, nearest)] };
}

function search(workflow: JsonObject, path: JsonPath): readonly LowerProblem[] {
  const strategy = workflow['search_strategy'];
  if (!(strategy === true || isObject(strategy)) || (workflow['evaluator'] ?? null) !== null) {
    return [];
  }
  const at = [...path, 'search_strategy'];
  const message = 'Olive stops: "Can\'t search without a valid evaluator config. Either provide a valid evaluator config or disable search."';
  return [{ code: 'QC013', path: at, message, source: WORKFLOW, fixes: [setFix(at, false)] }];
}

/** Execution providers of the target; null when the file does not say. */
function targetProviders(workflow: JsonObject): readonly string[] | null {
  const target = workflow['target'];
  const system = isObject(target) ? target : typeof target === 'string' && isObject(workflow['systems']) ? workflow['systems'][target] : null;
  const accelerators = fieldsOf(system, []).value['accelerators'];
  const named = Array.isArray(accelerators) ? accelerators.flatMap((one: unknown) => fieldsOf(one, []).texts('execution_providers')) : [];
  return named.length === 0 ? null : named.map((provider) => provider.replace(/ExecutionProvider$/, ''));
}

function wrongProvider({ pass, path }: Step, providers: readonly string[] | null): readonly LowerProblem[] {
  const supported = pass !== null && Object.hasOwn(PROVIDERS, pass) ? PROVIDERS[pass] : undefined;
  if (supported === undefined || providers === null || providers.some((provider) => supported.includes(provider))) {
    return [];
  }
  const message = `Olive lists ${pass} for ${supported.join(', ')} only; the target of this workflow has ${providers.join(', ')}, where its result may not run.`;
  return [{ code: 'QC017', path: [...path, 'type'], on: 'value', severity: 'warning', message, source: SOURCE, fixes: [] }];
}
