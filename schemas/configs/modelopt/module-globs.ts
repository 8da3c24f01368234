// Names of modules as ModelOpt and TensorRT-LLM match them -> regular expressions from the start of a full module name. A name means the module
// and all that is in it. Source: NVIDIA/TensorRT-LLM tensorrt_llm/models/modeling_utils.py :: QuantConfig.is_module_excluded_from_quantization
import { literal } from '../hf/not-converted.ts';

const INSIDE = '(?:\\.|$)';

/** `re:` and a regular expression; else a name in which * stands for any text and ? for one letter. */
export function globPattern(name: string): string {
  return name.startsWith('re:') ? `(?:${name.slice(3)})${INSIDE}` : `${literal(name).replaceAll('\\*', '.*').replaceAll('\\?', '.')}${INSIDE}`;
}

/** Parts of names below one common beginning; each with what follows it, or null where a name ends and nothing follows. */
interface Branch {
  readonly parts: Map<string, Branch | null>;
  /** Parts at which a name ends although others go on. */
  readonly ends: Set<string>;
}

/**
 * One expression that matches exactly the given names. Files of mixture models name every expert of every layer: parts that go on alike are written
 * once, so that tens of thousands of names stay a short expression.
 */
export function namesPattern(names: readonly string[]): string {
  const globs = names.filter((name) => isGlob(name));
  const root = branchOf();
  // Neighbours in the file mostly share their parent, so its branch is looked up once for them.
  const branches = new Map<string, Branch>([['', root]]);
  let parent = '';
  let branch = root;
  for (const name of globs.length === 0 ? names : names.filter((one) => !isGlob(one))) {
    const dot = name.lastIndexOf('.');
    const own = dot < 0 ? '' : name.slice(0, dot);
    if (own !== parent) {
      parent = own;
      branch = branchAt(own, branches);
    }
    end(branch, dot < 0 ? name : name.slice(dot + 1));
  }
  const plain = root.parts.size === 0 ? [] : [`${alternatives(root, new Map())}${INSIDE}`];
  return [...plain, ...globs.map(globPattern)].map((pattern) => `(?:${pattern})`).join('|');
}

function isGlob(name: string): boolean {
  return name.includes('*') || name.includes('?') || name.startsWith('re:');
}

function branchOf(): Branch {
  return { parts: new Map(), ends: new Set() };
}

function end(branch: Branch, part: string): void {
  if (branch.parts.get(part) === undefined) {
    branch.parts.set(part, null);
  } else if (branch.parts.get(part) !== null) {
    branch.ends.add(part);
  }
}

/** The branch below a beginning, made with all above it. */
function branchAt(beginning: string, branches: Map<string, Branch>): Branch {
  const known = branches.get(beginning);
  if (known !== undefined) {
    return known;
  }
  const dot = beginning.lastIndexOf('.');
  const above = branchAt(dot < 0 ? '' : beginning.slice(0, dot), branches);
  const part = dot < 0 ? beginning : beginning.slice(dot + 1);
  if (above.parts.get(part) === null) {
    above.ends.add(part);
  }
  const made = branchOf();
  above.parts.set(part, made);
  branches.set(beginning, made);
  return made;
}

/** `written`: expressions of branches whose names all end, by their parts; every expert of a model has the same. */
function alternatives(branch: Branch, written: Map<string, string>): string {
  const key = [...branch.parts.values()].every((next) => next === null) ? [...branch.parts.keys()].join(' ') : null;
  const known = key === null ? undefined : written.get(key);
  if (known !== undefined) {
    return known;
  }
  const alike = new Map<string, string[]>();
  for (const [part, next] of branch.parts) {
    const tail = next === null ? '' : branch.ends.has(part) ? `(?:\\.${alternatives(next, written)})?` : `\\.${alternatives(next, written)}`;
    const parts = alike.get(tail);
    if (parts === undefined) {
      alike.set(tail, [literal(part)]);
    } else {
      parts.push(literal(part));
    }
  }
  const choices = [...alike].map(([tail, parts]) => `${parts.length === 1 ? parts[0] : `(?:${parts.join('|')})`}${tail}`);
  const pattern = choices.length === 1 ? (choices[0] ?? '') : `(?:${choices.join('|')})`;
  if (key !== null) {
    written.set(key, pattern);
  }
  return pattern;
}
