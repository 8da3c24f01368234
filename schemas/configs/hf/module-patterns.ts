// Lists of module names as the tools write them -> regular expressions from the start of a full module name, as a Recipe has them.
import { startAnchored } from '../../recipe/module-weights.ts';
import { literal } from './not-converted.ts';

/**
 * compressed-tensors: `re:` and a regular expression, or a whole module name. Null for the name of a class (Linear), which is not the name
 * of a module, and for a pattern that does not compile.
 */
export function targetOfName(target: string): string | null {
  if (target.startsWith('re:')) {
    const pattern = fromPython(target.slice(3));
    return startAnchored(pattern) === null ? null : pattern;
  }
  return isClassName(target) ? null : `${literal(target)}$`;
}

/** Classes of layers begin with a capital and have no dots. */
export function isClassName(target: string): boolean {
  return /^[A-Z]\w*$/.test(target);
}

/** Python's named groups and flags in front, as JavaScript writes or leaves them. */
export function fromPython(pattern: string): string {
  return pattern
    .replace(/^\(\?[aiLmsux]+\)/, '')
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\Z', '$')
    .replaceAll('\\A', '^');
}
