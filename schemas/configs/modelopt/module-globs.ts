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
  ends: Set<string> | null;
}

/**
 * One expression that matches exactly the given names. Files of mixture models name every expert of every layer: parts that go on alike are written
 * once, so that tens of thousands of names stay a short expression.
 */
export function namesPattern(names: readonly string[]): string {
  const known = recent.find((one) => one.names.length === names.length && one.names.every((name, index) => name === names[index]));
  if (known !== undefined) {
    return known.pattern;
  }
  const pattern = patternOf(names);
  recent.unshift({ names, pattern });
  recent.length = Math.min(recent.length, KEPT);
  return pattern;
}

/** A file of 3 MB is checked at every key stroke, and its names are almost always those of the stroke before. */
const recent: { readonly names: readonly string[]; readonly pattern: string }[] = [];
const KEPT = 4;

function patternOf(names: readonly string[]): string {
  const globs = names.filter((name) => isGlob(name));
  const tree = new NameTree();
  // Neighbours in the file mostly share their parent: its parts are gathered, and entered together.
  let parent = '';
  let parts: string[] = [];
  for (const name of globs.length === 0 ? names : names.filter((one) => !isGlob(one))) {
    const dot = name.lastIndexOf('.');
    const own = dot < 0 ? '' : name.slice(0, dot);
    if (own !== parent) {
      tree.enter(parent, parts);
      parent = own;
      parts = [];
    }
    parts.push(dot < 0 ? name : name.slice(dot + 1));
  }
  tree.enter(parent, parts);
  const plain = tree.root.parts.size === 0 ? [] : [`${alternatives(tree.root, new Map())}${INSIDE}`];
  return [...plain, ...globs.map(globPattern)].map((pattern) => `(?:${pattern})`).join('|');
}

function isGlob(name: string): boolean {
  return name.includes('*') || name.includes('?') || name.startsWith('re:');
}

class NameTree {
  readonly root: Branch = { parts: new Map(), ends: null };
  /** Branches by their beginning, without those that are shared. */
  readonly #branches = new Map<string, Branch>([['', this.root]]);
  /** One branch for all beginnings that end in the same parts, as all experts of a model do. */
  readonly #leaves = new Map<string, Branch>();

  enter(beginning: string, parts: readonly string[]): void {
    if (parts.length === 0) {
      return;
    }
    const dot = beginning.lastIndexOf('.');
    const part = dot < 0 ? beginning : beginning.slice(dot + 1);
    const above = beginning === '' || this.#branches.has(beginning) ? null : this.#branchAt(dot < 0 ? '' : beginning.slice(0, dot));
    if (above === null || above.parts.has(part)) {
      this.#add(this.#branchAt(beginning), parts);
      return;
    }
    const key = parts.join(' ');
    const leaf = this.#leaves.get(key) ?? { parts: new Map(parts.map((one) => [one, null])), ends: null };
    this.#leaves.set(key, leaf);
    above.parts.set(part, leaf);
  }

  #add(branch: Branch, parts: readonly string[]): void {
    for (const part of parts) {
      const next = branch.parts.get(part);
      if (next === undefined) {
        branch.parts.set(part, null);
      } else if (next !== null) {
        branch.ends = (branch.ends ?? new Set()).add(part);
      }
    }
  }

  /** The branch below a beginning, made with all above it; a shared one is copied, since this one is about to change. */
  #branchAt(beginning: string): Branch {
    const known = this.#branches.get(beginning);
    if (known !== undefined) {
      return known;
    }
    const dot = beginning.lastIndexOf('.');
    const above = this.#branchAt(dot < 0 ? '' : beginning.slice(0, dot));
    const part = dot < 0 ? beginning : beginning.slice(dot + 1);
    const before = above.parts.get(part);
    if (before === null) {
      above.ends = (above.ends ?? new Set()).add(part);
    }
    const made: Branch = { parts: new Map(before?.parts ?? []), ends: before?.ends ?? null };
    above.parts.set(part, made);
    this.#branches.set(beginning, made);
    return made;
  }
}

function alternatives(branch: Branch, written: Map<Branch, string>): string {
  const known = written.get(branch);
  if (known !== undefined) {
    return known;
  }
  const alike = new Map<string, string[]>();
  for (const [part, next] of branch.parts) {
    const rest = next === null ? '' : `\\.${alternatives(next, written)}`;
    const tail = branch.ends?.has(part) === true ? `(?:${rest})?` : rest;
    const parts = alike.get(tail);
    if (parts === undefined) {
      alike.set(tail, [literal(part)]);
    } else {
      parts.push(literal(part));
    }
  }
  const choices = [...alike].map(([tail, parts]) => `${parts.length === 1 ? parts[0] : `(?:${parts.join('|')})`}${tail}`);
  const pattern = choices.length === 1 ? (choices[0] ?? '') : `(?:${choices.join('|')})`;
  written.set(branch, pattern);
  return pattern;
}
