// One needle: a sentence with a key that no model can guess, the question for it, and other keys of the same form to tell a remembered key from a likely one.
import { createHash } from 'node:crypto';
import { EngineError } from '../../errors.ts';

export interface NeedleText {
  /** Holds `key` once. */
  readonly needle: string;
  readonly question: string;
  /** Its digits are drawn anew for every trial. */
  readonly key: string;
}

export const usualNeedle: NeedleText = {
  needle: 'The secret code of the lighthouse is 7481.',
  question: 'What is the secret code of the lighthouse?',
  key: '7481',
};

export interface Trial {
  readonly needle: string;
  readonly key: string;
  /** The needle up to the key: what the key is scored behind. */
  readonly opening: string;
  /** `key` first, then the others. */
  readonly keys: readonly string[];
}

const otherKeys = 9;

/** Throws kind `input` for a needle that does not hold its key once, or a key with less than 2 digits. */
export function checkNeedle({ needle, key, question }: NeedleText): void {
  if (key === '' || needle.split(key).length !== 2) throw new EngineError('input', `the needle "${needle}" must hold its key "${key}" once`);
  if (needle.indexOf(key) === 0) throw new EngineError('input', `the needle "${needle}" begins with its key; put words before it`);
  if ((key.match(/\d/g) ?? []).length < 2) throw new EngineError('input', `the key "${key}" needs at least 2 digits, which are drawn anew for every trial`);
  if (question.trim() === '') throw new EngineError('input', 'the question is empty');
}

/** The same for the same seed and number. */
export function trialOf({ needle, key }: NeedleText, seed: number, number: number): Trial {
  const keys = new Set<string>();
  for (let draw = 0; keys.size <= otherKeys; draw++) keys.add(withDigits(key, `${seed}/${number}/${draw}`));
  const [own = key] = keys;
  return { needle: needle.replace(key, () => own), key: own, opening: needle.slice(0, needle.indexOf(key)).trimEnd(), keys: [...keys] };
}

function withDigits(key: string, seed: string): string {
  const bytes = createHash('sha256').update(seed).digest();
  let at = 0;
  return key.replace(/\d/g, (_, offset: number) => {
    const digit = (bytes[at++ % bytes.length] ?? 0) % 10;
    // No leading zero: some would be written without it.
    return `${offset === 0 && digit === 0 ? 1 : digit}`;
  });
}
