// anyOf and oneOf: the validator reports every branch; a person wants the one that was meant. Kept are the errors of that branch, or, when the
// value is of no branch's kind, the error of the alternative as a whole.
import type { JsonSchema } from '../configs/json-schema.ts';
import type { SchemaError } from '../configs/schema-problem.ts';
import { enumProblem, type Said, show, TYPE_WORDS } from './schema-words.ts';

const ALTERNATIVES = ['anyOf', 'oneOf'];
/** Failing here on the value itself: it was never meant to be of this branch. */
const KIND = ['type', 'const', 'enum'];

/** `worded`: alternatives whose own words say all, by their schema path. */
export function meantErrors(errors: readonly SchemaError[], worded: (schemaPath: string) => boolean): readonly SchemaError[] {
  const outermost = errors.filter(({ keyword }) => ALTERNATIVES.includes(keyword)).sort((a, b) => a.schemaPath.length - b.schemaPath.length)[0];
  if (outermost === undefined) {
    return errors;
  }
  const inside = errors.filter((error) => isWithin(error, outermost));
  const others = errors.filter((error) => error !== outermost && !inside.includes(error));
  const branch = worded(outermost.schemaPath) ? undefined : meantBranch(inside, outermost);
  return branch === undefined
    ? [{ ...outermost, keyword: 'alternatives' }, ...meantErrors(others, worded)]
    : [...meantErrors(branch, worded), ...meantErrors(others, worded)];
}

function isWithin(error: SchemaError, alternative: SchemaError): boolean {
  const below = error.instancePath === alternative.instancePath || error.instancePath.startsWith(`${alternative.instancePath}/`);
  return below && error.schemaPath.startsWith(`${alternative.schemaPath}/`);
}

/** The branch of the value's kind with the fewest errors. */
function meantBranch(inside: readonly SchemaError[], alternative: SchemaError): readonly SchemaError[] | undefined {
  const branches = new Map<string, SchemaError[]>();
  for (const error of inside) {
    const index = error.schemaPath.slice(alternative.schemaPath.length + 1).split('/')[0] ?? '';
    branches.set(index, [...(branches.get(index) ?? []), error]);
  }
  const fitting = [...branches.values()].filter(
    (branch) => !branch.some(({ keyword, instancePath }) => KIND.includes(keyword) && instancePath === alternative.instancePath),
  );
  return fitting.sort((a, b) => a.length - b.length)[0];
}

/** What the branches take, in one sentence. */
export function alternativesProblem(name: string, schema: JsonSchema | null, now: unknown): Said {
  const branches = schema?.anyOf ?? schema?.oneOf ?? [];
  const values = branches.flatMap((branch) => branch.enum ?? (branch.const === undefined ? [] : [branch.const]));
  const types = branches.flatMap((branch) => (branch.enum === undefined && branch.const === undefined ? [branch.type ?? []].flat() : []));
  const kinds = [...new Set(types)].map((type) => TYPE_WORDS[type] ?? type);
  if (values.length === 0 && kinds.length === 0) {
    return { message: `${name} is ${show(now)}, which fits none of the forms this key has.`, suggestion: null };
  }
  if (kinds.length === 0) {
    return enumProblem(name, values, {}, now);
  }
  const words = [...kinds, ...values.map((value) => JSON.stringify(value))].join(' or ');
  return { message: `${name} is ${show(now)}; it must be ${words}.`, suggestion: values.length === 0 ? null : enumProblem(name, values, {}, now).suggestion };
}
