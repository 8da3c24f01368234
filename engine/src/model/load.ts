// Loads a model directory for running: config, checkpoint in any stored layout, program, tokenizer. The model lives as long as it is referenced;
// `dispose` only makes its use afterwards an error and lets the weights go.

import { join } from 'node:path';
import type { CacheType, NativeBinding, Program, Session, Weight } from '@quantwright/native/binding';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { requireModelDirectory } from '../checkpoint/model-directory.ts';
import { readQuantization } from '../checkpoint/quantized/config.ts';
import { EngineError } from '../errors.ts';
import type { PackedCache } from '../packed-cache/packed-cache.ts';
import { loadTokenizer, type Tokenizer } from '../text/tokenizer.ts';
import { type ModelConfig, parseModelConfig } from './config.ts';
import { buildModel } from './decoder.ts';
import { createForward, type Forward } from './forward.ts';
import { checkpointWeights } from './weights.ts';

export interface LoadOptions {
  readonly binding: NativeBinding;
  readonly signal?: AbortSignal;
  /** Where packed weights are kept between loads; absent: nowhere. */
  readonly cache?: PackedCache | null;
  /** After each weight. `of`: weights of the model. */
  readonly onProgress?: (progress: { readonly loaded: number; readonly of: number; readonly tensor: string }) => void;
}

export interface LoadedModel {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly binding: NativeBinding;
  readonly program: Program;
  /** A forward pass that is shared with whoever else waits for one. */
  readonly forward: Forward;
  readonly contextLength: number;
  /** Bytes of all weights as they are held. */
  readonly weightBytes: number;
  /** Bytes of the files. */
  readonly fileBytes: number;
  /** Whether the packed weights came from the cache. */
  readonly fromCache: boolean;
  /** Resolves when the cache has, or will not have, the packed weights. Never rejects. */
  readonly cached: Promise<void>;
  /** Stored layout of the quantized linears; null when all are dense. */
  readonly layout: string | null;
  /** Loaded at first use, so that models without a tokenizer can still run on ids. Rejects with kind `input` when there is none. */
  tokenizer(): Promise<Tokenizer>;
  createSession(capacity?: number, cache?: CacheType): Session;
  dispose(): void;
}

/** Throws kind `input`, `io`, `checkpoint` or `native`. */
export async function loadModel(directory: string, options: LoadOptions): Promise<LoadedModel> {
  const { binding, signal } = options;
  await requireModelDirectory(directory);
  const configFile = join(directory, 'config.json');
  const json = await readJsonObject(configFile, limits.configBytes);
  const config = parseModelConfig(json, configFile);
  const quantization = await readQuantization(directory, json);
  const checkpoint = await openCheckpoint(directory);
  const mapped = mapCheckpoint(checkpoint, binding);
  // The linears of the shape are those of a block, and lm_head when untied.
  const { linears, layers } = config.shape;
  const inBlock = linears.filter((linear) => linear.kind !== 'lm_head').length;
  const of = 1 + inBlock * layers + (linears.length - inBlock);
  let loaded = 0;
  // Dense weights are used where they lie; only packed ones are worth keeping.
  const lookup = quantization === null ? null : ((await options.cache?.lookup(checkpoint)) ?? null);
  const packed = lookup?.found ?? null;
  const made = new Map<string, Weight>();
  const started = performance.now();
  let program: Program | null;
  try {
    const weights = checkpointWeights(mapped, quantization, binding, {
      loaded: (tensor) => {
        signal?.throwIfAborted();
        options.onProgress?.({ loaded: ++loaded, of, tensor });
      },
      packed,
      made: (module, weight) => made.set(module, weight),
    });
    program = binding.createProgram(await buildModel(config, weights));
  } finally {
    mapped.close();
  }
  const cached = packed === null && lookup !== null ? lookup.store(made, performance.now() - started) : Promise.resolve();
  const { weightBytes } = program;
  let tokenizer: Promise<Tokenizer> | null = null;
  const use = (): Program => {
    if (program === null) throw new EngineError('internal', `${directory} was unloaded`, { file: directory });
    return program;
  };
  return {
    directory,
    config,
    binding,
    get program() {
      return use();
    },
    forward: createForward({ runBatch: (parts) => use().runBatch(parts), stepBatch: (parts) => use().stepBatch(parts) }),
    contextLength: config.contextLength,
    weightBytes,
    fileBytes: checkpoint.fileBytes,
    fromCache: packed !== null,
    cached,
    layout: quantization?.layout ?? null,
    tokenizer: () => (tokenizer ??= loadTokenizer(directory)),
    createSession: (capacity = config.contextLength, cache = 'f32') => use().createSession(capacity, cache),
    dispose: () => {
      program = null;
    },
  };
}
