// Logits of given token ids, for comparison with other implementations (`quantwright logits`).

import { spell } from '../checkpoint/spell.ts';
import { createSafetensors, type TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';

export interface TokenSequences {
  readonly sequences: readonly Int32Array[];
  /** false: the file holds one flat list. */
  readonly nested: boolean;
}

/** `json`: [ids] or [[ids], [ids] ...]. Throws kind `input`, naming the first bad entry. */
export function parseTokens(json: unknown, vocabulary: number, contextLength: number, file: string): TokenSequences {
  if (!Array.isArray(json) || json.length === 0) throw new EngineError('input', `${file}: must hold a list of token ids, or a list of such lists`, { file });
  const nested = json.every((entry: unknown) => Array.isArray(entry));
  const lists: unknown[][] = nested ? json : [json];
  const sequences = lists.map((list, index) => {
    if (list.length === 0 || list.length > contextLength)
      throw new EngineError('input', `${file}: sequence ${index} has ${list.length} tokens; 1 to ${contextLength} fit the model's context`, { file });
    return Int32Array.from(list, (id, at) => {
      if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && id < vocabulary) return id;
      throw new EngineError('input', `${file}: entry ${at} of sequence ${index} is ${spell(id)}; token ids go from 0 to ${vocabulary - 1}`, { file });
    });
  });
  return { sequences, nested };
}

/** f32 [tokens, vocabulary], from position 0 without context. */
export async function logitsOf(model: LoadedModel, ids: Int32Array): Promise<Float32Array> {
  return model.program.run(model.createSession(ids.length), ids, 'all');
}

/** Writes `logits`: [tokens, vocabulary] for a flat list, [sequences, tokens, vocabulary] for lists of one length, else `logits.0`, `logits.1` ... Atomic. */
export async function writeLogits(
  model: LoadedModel,
  { sequences, nested }: TokenSequences,
  outFile: string,
  signal?: AbortSignal,
): Promise<readonly TensorPlan[]> {
  const vocabulary = model.config.shape.vocabSize;
  const lengths = sequences.map((ids) => ids.length);
  const [first = 0] = lengths;
  const together = lengths.every((length) => length === first);
  const plan: TensorPlan[] = together
    ? [{ name: 'logits', dtype: 'F32', shape: nested ? [sequences.length, first, vocabulary] : [first, vocabulary] }]
    : lengths.map((length, index) => ({ name: `logits.${index}`, dtype: 'F32', shape: [length, vocabulary] }));
  const writer = await createSafetensors(outFile, plan);
  try {
    const all = together ? new Float32Array(sequences.length * first * vocabulary) : null;
    for (const [index, ids] of sequences.entries()) {
      signal?.throwIfAborted();
      const logits = await logitsOf(model, ids);
      if (all === null) await writer.write(`logits.${index}`, logits);
      else all.set(logits, index * first * vocabulary);
    }
    if (all !== null) await writer.write('logits', all);
    await writer.finish();
  } catch (cause) {
    await writer.abort();
    throw cause;
  }
  return plan;
}
