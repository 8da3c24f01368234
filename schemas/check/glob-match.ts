// Globs of side files, because schemas/ knows no file system: *, **, ?, {a,b}, [abc], [!a]. A glob without `/` means the base name in any folder,
// as in .gitignore; a glob that names a folder means all below it. Matched by sets of states: no glob, however written, takes long.

/** `one` letter, `any` number of letters, or any number of whole `folders` with their slashes. */
interface Step {
  readonly kind: 'one' | 'any' | 'folders';
  fits(letter: string): boolean;
}

/** Braces multiply; a side file that asks for more alternatives than this has them cut. */
const MAX_ALTERNATIVES = 64;
/** A longer glob is no glob of a person, and matches nothing. */
const MAX_LENGTH = 1000;

const known = new Map<string, readonly (readonly Step[])[]>();

/** `path`: the whole path with `/`. Braces and brackets that are never closed are taken as they stand. */
export function matchesGlob(glob: string, path: string): boolean {
  if (glob.length > MAX_LENGTH) return false;
  const alternatives = known.get(glob) ?? alternativesOf(glob.replace(/^\.?\//, '')).map((one) => stepsOf(one.includes('/') ? one : `**/${one}`));
  known.set(glob, alternatives);
  return alternatives.some((steps) => runs(steps, path));
}

function runs(steps: readonly Step[], path: string): boolean {
  let states = reach(steps, [0], true);
  for (const letter of path) {
    // The glob is spent at a folder of the path: it means all below.
    if (letter === '/' && states.has(steps.length)) return true;
    const next: number[] = [];
    for (const at of states) {
      const step = steps[at];
      if (step?.fits(letter)) next.push(step.kind === 'one' ? at + 1 : at);
    }
    states = reach(steps, next, letter === '/');
    if (states.size === 0) return false;
  }
  return states.has(steps.length);
}

/** A step that may match nothing is passed over too; `folders` only where a name begins. */
function reach(steps: readonly Step[], states: readonly number[], nameBegins: boolean): ReadonlySet<number> {
  const reached = new Set<number>();
  for (const state of states) {
    let at = state;
    reached.add(at);
    while (steps[at]?.kind === 'any' || (nameBegins && steps[at]?.kind === 'folders')) {
      at += 1;
      reached.add(at);
    }
  }
  return reached;
}

function stepsOf(glob: string): readonly Step[] {
  const steps: Step[] = [];
  for (let index = 0; index < glob.length; index += 1) {
    const letter = glob[index] ?? '';
    if (letter === '*') {
      const deep = glob[index + 1] === '*';
      const whole = deep && glob[index + 2] === '/';
      steps.push(whole ? folders : deep ? anything : withinFolder);
      index += whole ? 2 : deep ? 1 : 0;
    } else if (letter === '?') {
      steps.push({ kind: 'one', fits: withinFolder.fits });
    } else if (letter === '[' && glob.indexOf(']', index + 2) > 0) {
      const end = glob.indexOf(']', index + 2);
      steps.push(oneOf(glob.slice(index + 1, end)));
      index = end;
    } else {
      steps.push({ kind: 'one', fits: (other) => other === letter });
    }
  }
  return steps;
}

const folders: Step = { kind: 'folders', fits: () => true };
const anything: Step = { kind: 'any', fits: () => true };
const withinFolder: Step = { kind: 'any', fits: (letter) => letter !== '/' };

/** `abc`, `a-z`, `!abc`. */
function oneOf(inside: string): Step {
  const negated = inside.startsWith('!');
  const letters = negated ? inside.slice(1) : inside;
  const has = (letter: string): boolean => {
    for (let index = 0; index < letters.length; index += 1) {
      const first = letters[index] ?? '';
      const last = letters[index + 1] === '-' ? letters[index + 2] : undefined;
      if (last === undefined ? letter === first : letter >= first && letter <= last) return true;
      if (last !== undefined) index += 2;
    }
    return false;
  };
  return { kind: 'one', fits: (letter) => letter !== '/' && has(letter) !== negated };
}

/** `a{b,c}d` -> abd, acd; braces inside braces too. */
function alternativesOf(glob: string): readonly string[] {
  const begin = glob.indexOf('{');
  const end = begin < 0 ? -1 : closing(glob, begin);
  if (end < 0) return [glob];
  const heads = parts(glob.slice(begin + 1, end)).flatMap(alternativesOf);
  const tails = alternativesOf(glob.slice(end + 1));
  return heads.flatMap((head) => tails.map((tail) => glob.slice(0, begin) + head + tail)).slice(0, MAX_ALTERNATIVES);
}

function closing(glob: string, begin: number): number {
  let depth = 0;
  for (let index = begin; index < glob.length; index += 1) {
    if (glob[index] === '{') depth += 1;
    if (glob[index] === '}') depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}

function parts(inside: string): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let index = 0; index < inside.length; index += 1) {
    if (inside[index] === '{') depth += 1;
    if (inside[index] === '}') depth -= 1;
    if (inside[index] === ',' && depth === 0) {
      found.push(inside.slice(from, index));
      from = index + 1;
    }
  }
  return [...found, inside.slice(from)];
}
