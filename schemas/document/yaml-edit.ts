// One path edit of a YAML text. The change that keeps the author's layout is tried first and read back; where the layout is too unusual for
// it (anchors, explicit keys, comments in odd places), the smallest collection around the place is written anew on one line.
import type { Edit } from '../check/finding.ts';
import { isObject } from '../configs/fields.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { applyReplacements, type Replacement } from './edit-replacements.ts';
import { nodeAt } from './find.ts';
import type { ConfigNode } from './node.ts';
import { parseYaml } from './yaml.ts';
import { insertYaml, removeYaml, renameYaml, setYaml } from './yaml-members.ts';
import { printFlow } from './yaml-print.ts';

export type PathEdit = Exclude<Edit, { kind: 'replace' }>;

/** Changes of `text`; none when there is nothing to edit at the path, as for JSON. */
export function yamlReplacements(text: string, edit: PathEdit): readonly Replacement[] {
  const { root } = parseYaml(text);
  const wanted = root === null ? null : edited(root.value, edit);
  if (root === null || wanted === null) {
    return [];
  }
  const reads = (replacements: readonly Replacement[]): boolean => same(parseYaml(applyReplacements(text, replacements)).root?.value ?? null, wanted.value);
  const kept = keepingLayout(text, root, edit);
  if (kept !== null && reads(kept)) {
    return kept;
  }
  for (let depth = edit.path.length - 1; depth >= 0; depth -= 1) {
    const path = edit.path.slice(0, depth);
    const node = nodeAt(root, path);
    if (node !== null) {
      const anew = [{ range: node.range, text: printFlow(valueAt(wanted.value, path)) + (text.slice(0, node.range.end).endsWith('\n') ? '\n' : '') }];
      if (reads(anew)) {
        return anew;
      }
    }
  }
  return [];
}

function keepingLayout(text: string, root: ConfigNode, edit: PathEdit): readonly Replacement[] | null {
  const node = nodeAt(root, edit.path);
  if (edit.kind === 'rename') {
    return node === null ? null : renameYaml(text, node, edit.key);
  }
  if (edit.kind === 'remove') {
    return node === null ? null : removeYaml(text, node);
  }
  if (node !== null) {
    return setYaml(text, node, edit.value);
  }
  const depth = deepest(root, edit.path);
  const parent = nodeAt(root, edit.path.slice(0, depth));
  const key = edit.path[depth];
  return parent === null || key === undefined ? null : insertYaml(text, parent, String(key), nested(edit.path.slice(depth + 1), edit.value));
}

/** Number of steps of the path that are there. */
function deepest(root: ConfigNode, path: JsonPath): number {
  let depth = path.length - 1;
  while (depth > 0 && nodeAt(root, path.slice(0, depth)) === null) {
    depth -= 1;
  }
  return depth;
}

function nested(path: JsonPath, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, step) => ({ [String(step)]: inner }), value);
}

/** The value after the edit; null when the edit does not apply. */
function edited(value: unknown, edit: PathEdit): { readonly value: unknown } | null {
  const [step, ...rest] = edit.path;
  if (step === undefined) {
    return edit.kind === 'set' ? { value: plain(edit.value) } : null;
  }
  if (Array.isArray(value)) {
    const there = typeof step === 'number' && step >= 0 && step < value.length;
    if (!there || (rest.length === 0 && edit.kind === 'rename')) {
      return null;
    }
    if (rest.length === 0 && edit.kind === 'remove') {
      return { value: value.filter((_, index) => index !== step) };
    }
    const inner = edited(value[step], { ...edit, path: rest });
    return inner === null ? null : { value: value.map((one: unknown, index) => (index === step ? inner.value : one)) };
  }
  if (!isObject(value) || typeof step !== 'string') {
    return null;
  }
  const members = Object.entries(value);
  const there = Object.hasOwn(value, step);
  if (!there) {
    return edit.kind === 'set' ? { value: fromEntries([...members, [step, nested(rest, plain(edit.value))]]) } : null;
  }
  if (rest.length === 0 && edit.kind !== 'set') {
    const kept = edit.kind === 'remove' ? members.filter(([key]) => key !== step) : members.map(([key, one]) => [key === step ? edit.key : key, one] as const);
    return { value: fromEntries(kept) };
  }
  const inner = edited(value[step], { ...edit, path: rest });
  return inner === null ? null : { value: fromEntries(members.map(([key, one]) => [key, key === step ? inner.value : one])) };
}

/** As JSON would hold it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
}

/** Object.fromEntries defines members, so that one named __proto__ stays a member. */
function fromEntries(members: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(members);
}

function valueAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((at, step) => (typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? Reflect.get(at, step) : undefined), value);
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, index) => same(one, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
  }
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
