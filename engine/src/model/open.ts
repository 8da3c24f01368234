// A model as its files describe it, before any weight is read: what loading it needs, whatever the files are (directory.ts, gguf.ts).
import type { NativeBinding } from '@quantwright/native/binding';
import type { KvSetting } from '@quantwright/schemas/kv/setting';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { ModelConfig } from './config.ts';
import type { ModelWeights, WeightHooks } from './weights.ts';

export interface OpenModel {
  readonly config: ModelConfig;
  /** Keys and values as the model's own files want them kept; null: they say nothing. */
  readonly kvSetting: KvSetting | null;
  /** Bytes of the files. */
  readonly fileBytes: number;
  /** Stored layout of the quantized linears; null when all are dense. */
  readonly layout: string | null;
  /** What the cache of packed weights knows it by; null where nothing is worth keeping: dense weights are used where they lie, GGUF blocks are packed about as fast. */
  readonly cacheable: Checkpoint | null;
  /** `close` drops the mappings; weights that were made keep theirs. */
  weights(binding: NativeBinding, hooks: WeightHooks): ModelWeights & { close(): void };
  /** Rejects with kind `input` when there is none. */
  tokenizer(): Promise<Tokenizer>;
}
