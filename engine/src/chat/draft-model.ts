// Guesses of a smaller model with the same tokens. It samples with the random numbers that the large model will use at the same places, so where both
// agree on the probabilities its guess is what the large model samples (coupling: Daliri, Musco and Suresh 2024, "Coupling without Communication").
import type { Session } from '@quantwright/native/binding';
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';
import { createSampler } from '../text/sampling.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { commonPrefix } from './common-prefix.ts';
import type { DraftSource } from './speculation.ts';

export interface DraftModel {
  /** Guesses for one answer that is sampled like this. Answers reuse what the model computed for the last one. */
  source(sampling: Sampling): DraftSource;
}

interface Held {
  readonly session: Session;
  /** Ids whose keys and values the session holds. */
  readonly held: number[];
}

/** Prompt tokens a native call. */
const prefillChunk = 256;

/** Throws kind `input` when the models do not have the same tokens. */
export async function createDraftModel(draft: LoadedModel, target: LoadedModel, capacity: number): Promise<DraftModel> {
  requireSameTokens(await draft.tokenizer(), await target.tokenizer(), draft.directory, target.directory);
  const own = Math.min(capacity, draft.contextLength);
  const vocabulary = Math.min(draft.config.shape.vocabSize, target.config.shape.vocabSize);
  /** Not used by an answer now. */
  const idle: Held[] = [];
  const advance = async (on: Held, history: readonly number[]): Promise<Int32Array> => {
    // The last token must run, to be followed.
    const cached = Math.min(commonPrefix(on.held, history), history.length - 1);
    on.session.truncate(cached);
    on.held.length = cached;
    for (let begin = cached; begin + prefillChunk < history.length; begin += prefillChunk) {
      const ids = history.slice(begin, begin + prefillChunk);
      await draft.forward(on.session, Int32Array.from(ids), 'none');
      on.held.push(...ids);
    }
    return Int32Array.from(history.slice(on.held.length));
  };
  return {
    source: ({ temperature, topK, topP, minP, seed }) => {
      // Penalties and biases are of the answer as it will be; a guess goes without.
      const chosen = Object.fromEntries(Object.entries({ temperature, topK, topP, minP, seed }).filter(([, value]) => value !== undefined));
      const sampler = createSampler(draft.binding, draft.config.shape.vocabSize, chosen);
      let on: Held | null = null;
      return {
        propose: async ({ history, most, drawn, constraint, state }) => {
          if (history.length + most > own) return [];
          const guesses: number[] = [];
          on ??= idle.pop() ?? { session: draft.createSession(own), held: [] };
          const { session, held } = on;
          let pending = await advance(on, history);
          for (let at = state; guesses.length < most; ) {
            sampler.drawn = drawn + guesses.length;
            const mask = constraint === null ? undefined : fitted(constraint.mask(at), draft.config.shape.vocabSize);
            const [id = vocabulary] = await draft.forward.step(session, pending, 0, sampler, mask);
            for (const token of pending) held.push(token);
            if (id >= vocabulary) break;
            guesses.push(id);
            at = constraint === null ? 0 : constraint.next(at, id);
            if (at < 0 || constraint?.finished(at)) break;
            pending = Int32Array.of(id);
          }
          return guesses;
        },
        end: () => {
          if (on !== null) idle.push(on);
          on = null;
        },
      };
    },
  };
}

/** Models of one tokenizer pad their vocabularies differently; what is behind the shorter one is not allowed. */
function fitted(mask: Int32Array, vocabulary: number): Int32Array {
  const words = Math.ceil(vocabulary / 32);
  if (mask.length === words) return mask;
  const out = new Int32Array(words);
  out.set(mask.subarray(0, words));
  return out;
}

function requireSameTokens(draft: Tokenizer, target: Tokenizer, draftDirectory: string, targetDirectory: string): void {
  const differ = (what: string): never => {
    throw new EngineError(
      'input',
      `the draft model ${draftDirectory} cannot guess for ${targetDirectory}: ${what}. Choose a draft model of the same family, with the same tokenizer.json`,
    );
  };
  if (draft.vocabulary !== target.vocabulary) differ(`it has ${draft.vocabulary} tokens, the other has ${target.vocabulary}`);
  for (let id = 0; id < target.vocabulary; id++) {
    if (Buffer.compare(draft.bytesOf(id), target.bytesOf(id)) !== 0) differ(`token ${id} is another one`);
  }
}
