// Names of modules as ModelOpt and TensorRT-LLM match them -> regular expressions from the start of a full module name. A name means the module
// and all that is in it. Source: NVIDIA/TensorRT-LLM tensorrt_llm/models/modeling_utils.py :: QuantConfig.is_module_excluded_from_quantization
import { literal } from '../hf/not-converted.ts';

const INSIDE = '(?:\\.|$)';

/** `re:` and a regular expression; else a name in which * stands for any text and ? for one letter. */
export function globPattern(name: string): string {
  return name.startsWith('re:') ? `(?:${name.slice(3)})${INSIDE}` : `${literal(name).replaceAll('\\*', '.*').replaceAll('\\?', '.')}${INSIDE}`;
}

interface Branch {
  readonly parts: Map<string, Branch>;
  ends: boolean;
}

/**
 * One expression that matches exactly the given names. Files of mixture models name every expert of every layer: parts that go on alike are written
 * once, so that tens of thousands of names stay a short expression.
 */
export function namesPattern(names: readonly string[]): string {
  const globs = names.filter((name) => /[*?]|^re:/.test(name));
  const root: Branch = { parts: new Map(), ends: false };
  for (const name of names) {
    if (!/[*?]|^re:/.test(name)) {
      insert(root, name.split('.'));
    }
  }
  const plain = root.parts.size === 0 ? [] : [`${alternatives(root)}${INSIDE}`];
  return [...plain, ...globs.map(globPattern)].map((pattern) => `(?:${pattern})`).join('|');
}

function insert(root: Branch, parts: readonly string[]): void {
  let at = root;
  for (const part of parts) {
    const next = at.parts.get(part) ?? { parts: new Map(), ends: false };
    at.parts.set(part, next);
    at = next;
  }
  at.ends = true;
}

/** What may follow a part: nothing, or a dot and one of the next parts. */
function rest(branch: Branch): string {
  return branch.parts.size === 0 ? '' : branch.ends ? `(?:\\.${alternatives(branch)})?` : `\\.${alternatives(branch)}`;
}

function alternatives(branch: Branch): string {
  const alike = new Map<string, string[]>();
  for (const [part, next] of branch.parts) {
    const tail = rest(next);
    const parts = alike.get(tail);
    if (parts === undefined) {
      alike.set(tail, [literal(part)]);
    } else {
      parts.push(literal(part));
    }
  }
  const choices = [...alike].map(([tail, parts]) => `${parts.length === 1 ? parts[0] : `(?:${parts.join('|')})`}${tail}`);
  return choices.length === 1 ? (choices[0] ?? '') : `(?:${choices.join('|')})`;
}
