// The tokens that statistics are gathered over: windows of a text, one behind the other, from its beginning.
import { EngineError } from '../../errors.ts';
import type { WalkedModel } from './walk-blocks.ts';

export interface SequenceChoices {
  /** Tokens a sequence; default: the model's context, at most 2048. */
  readonly length?: number;
  readonly sequences?: number;
}

/** Encoded with the first model's tokenizer. A text shorter than a sequence is one. Throws kind `input` for a text without tokens, or too long a length. */
export async function textSequences(
  models: readonly WalkedModel[],
  text: string,
  defaults: { readonly sequences: number },
  choices: SequenceChoices,
): Promise<readonly Int32Array[]> {
  const context = Math.min(...models.map(({ config }) => config.contextLength));
  const length = choices.length ?? Math.min(context, 2048);
  if (length > context)
    throw new EngineError('input', `sequences of ${length} tokens are longer than the model's context of ${context}; choose a smaller length`);
  const [model] = models;
  if (model === undefined) throw new Error('no model was given');
  const ids = (await model.tokenizer()).encode(text, { specialTokens: true });
  const vocabulary = model.config.shape.vocabSize;
  if (ids.length === 0) throw new EngineError('input', 'the text has no tokens');
  if (ids.some((id) => id >= vocabulary))
    throw new EngineError('checkpoint', `${model.path}: its tokenizer makes tokens beyond the vocabulary of ${vocabulary}`, { file: model.path });
  const count = Math.min(choices.sequences ?? defaults.sequences, Math.max(1, Math.floor(ids.length / length)));
  return Array.from({ length: count }, (_, index) => ids.slice(index * length, (index + 1) * length));
}
