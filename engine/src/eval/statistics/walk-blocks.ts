// Runs the same tokens through one or two models, block by block and side by side, and shows what every linear reads and what leaves every block. One block of
// weights of each model is in use at a time, and what linears read is kept for one run of some tokens only. Any layout that the engine loads.
import type { NativeBinding, Op, Program, ProgramSpec, Weight } from '@quantwright/native/binding';
import { isGgufPath } from '../../checkpoint/gguf/file.ts';
import { EngineError } from '../../errors.ts';
import { collectGarbage } from '../../jobs/collect-garbage.ts';
import { buildBlock, buildEmbedding, buildFinalNorm, buildHead } from '../../model/decoder.ts';
import { openDirectory } from '../../model/directory.ts';
import { openGgufModel } from '../../model/gguf.ts';
import { type NamedWeights, namedWeights } from '../../model/named-weights.ts';
import type { OpenModel } from '../../model/open.ts';

export interface WalkedModel extends OpenModel {
  /** A model directory or a GGUF file. */
  readonly path: string;
}

/** One linear, in every model. */
export interface WalkedLinear {
  readonly module: string;
  /** Null: the output matrix. */
  readonly block: number | null;
  /** Linears that read the same values have the same. */
  readonly input: number;
  readonly weights: readonly Weight[];
}

export interface WalkedTokens {
  readonly tokens: number;
  /** Of every model: [tokens, cols] what the linears of `input` read. */
  inputs(input: number): readonly Float32Array[];
  /** Of every model: [tokens, hidden] what leaves the block; null for the output matrix. */
  readonly outputs: readonly Float32Array[] | null;
}

/** What is done at a block; made anew for each. */
export interface BlockVisit {
  /** Some tokens have run. The arrays live until the promise is done. */
  tokens(run: WalkedTokens): Promise<void>;
  /** All have. */
  done(): Promise<void>;
}

export interface WalkProgress {
  readonly block: number;
  /** The output matrix counts as one where it is a linear of its own. */
  readonly blocks: number;
  readonly sequencesDone: number;
  readonly sequences: number;
}

export interface WalkOptions {
  readonly binding: NativeBinding;
  readonly sequences: readonly Int32Array[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: WalkProgress) => void) | undefined;
}

/** Tokens of a run: a pass of the linears (kernels/program, kChunkRows). */
const runTokens = 256;

/** Throws kind `input`, `io` or `checkpoint`. Reads no weights. */
export async function openWalked(path: string): Promise<WalkedModel> {
  return { ...(await (isGgufPath(path) ? openGgufModel(path) : openDirectory(path))), path };
}

/** Throws kind `input` where two models do not have the same tokens and linears. */
export async function walkBlocks(
  models: readonly WalkedModel[],
  visit: (linears: readonly WalkedLinear[]) => Promise<BlockVisit>,
  options: WalkOptions,
): Promise<void> {
  requireSameShape(models);
  const { binding, sequences, signal } = options;
  const read = models.map((model) => ({ model, source: model.weights(binding, { loaded: () => signal?.throwIfAborted() }) }));
  try {
    const states: readonly Float32Array[][] = await Promise.all(read.map(({ model, source }) => embedded(model, source, options)));
    const [first] = models;
    const layers = first?.config.shape.layers ?? 0;
    const ownHead = first?.config.shape.tiedEmbeddings === false;
    const blocks = layers + (ownHead ? 1 : 0);
    for (let block = 0; block < blocks; block++) {
      const layer = block < layers ? block : null;
      await visitBlock(layer, (done) => options.onProgress?.({ block, blocks, sequencesDone: done, sequences: sequences.length }));
      // Weights of a block are large, and few objects to V8.
      await collectGarbage();
    }
    async function visitBlock(layer: number | null, ran: (sequences: number) => void): Promise<void> {
      const built = await Promise.all(read.map(async ({ model, source }) => buildWatched(model, namedWeights(source), layer)));
      const linears = sameLinears(models, built, layer);
      const programs = built.map(({ spec }) => binding.createProgram(spec));
      const slots = new Set(linears.map(({ input }) => input));
      const visited = await visit(linears);
      for (const [index, sequence] of sequences.entries()) {
        const sessions = programs.map((program) => program.createSession(sequence.length, 'f32'));
        for (let begin = 0; begin < sequence.length; begin += runTokens) {
          signal?.throwIfAborted();
          const tokens = Math.min(runTokens, sequence.length - begin);
          const outputs: Float32Array[] = [];
          for (const [at, program] of programs.entries()) {
            const [session, state, width] = [sessions[at], states[at]?.[index], models[at]?.config.shape.hiddenSize ?? 0];
            if (session === undefined || state === undefined) throw new Error(`model ${at} has no states`);
            program.resetObservers();
            const rows = state.subarray(begin * width, (begin + tokens) * width);
            const output = await program.run(session, rows, layer === null ? 'none' : 'all');
            if (layer !== null) rows.set(output);
            outputs.push(rows);
          }
          const inputs = new Map([...slots].map((slot) => [slot, programs.map((program) => observed(program, slot))]));
          await visited.tokens({ tokens, inputs: (slot) => inputs.get(slot) ?? [], outputs: layer === null ? null : outputs });
        }
        ran(index + 1);
      }
      await visited.done();
    }
  } finally {
    for (const { source } of read) source.close();
  }
}

async function embedded(model: WalkedModel, source: ReturnType<OpenModel['weights']>, { binding, sequences }: WalkOptions): Promise<Float32Array[]> {
  const program = binding.createProgram(await buildEmbedding(model.config, source));
  const states: Float32Array[] = [];
  for (const sequence of sequences) states.push((await program.run(program.createSession(sequence.length, 'f32'), sequence, 'all')).slice());
  return states;
}

interface Watched {
  readonly spec: ProgramSpec;
  readonly linears: readonly { readonly module: string; readonly input: number; readonly weight: Weight }[];
}

/** `layer`: null for the output matrix, which is not run: its input is what the final norm gives. */
async function buildWatched({ config }: WalkedModel, weights: NamedWeights, layer: number | null): Promise<Watched> {
  if (layer !== null) {
    const spec = await buildBlock(config, weights, layer, ['capture']);
    return { spec, linears: linearsOf(spec.body, weights) };
  }
  const head = (await buildHead(config, weights)).body.find((op) => op.op === 'linear');
  if (head?.op !== 'linear') throw new Error('the head of the model has no linear');
  const norm = await buildFinalNorm(config, weights);
  const watch: Op = { op: 'observe', in: norm.output, kind: 'capture', slot: 0 };
  return { spec: { ...norm, body: [...norm.body, watch] }, linears: [{ module: weights.moduleOf(head.weight) ?? 'lm_head', input: 0, weight: head.weight }] };
}

/** A linear's input is the last value that was observed under its id: blocks use a buffer again. */
function linearsOf(body: readonly Op[], weights: NamedWeights): Watched['linears'] {
  const slots = new Map<number, number>();
  return body.flatMap((op) => {
    if (op.op === 'observe') slots.set(op.in, op.slot);
    if (op.op !== 'linear') return [];
    const [module, input] = [weights.moduleOf(op.weight), slots.get(op.in)];
    if (module === undefined || input === undefined)
      throw new Error(`a linear of the block is ${module === undefined ? 'not named' : `not observed: ${module}`}`);
    return [{ module, input, weight: op.weight }];
  });
}

function observed(program: Program, slot: number): Float32Array {
  const values = program.observed(slot);
  if (values === null) throw new Error(`slot ${slot} of the program saw nothing`);
  return values;
}

function requireSameShape(models: readonly WalkedModel[]): void {
  const [first, second] = models;
  if (first === undefined || second === undefined) return;
  for (const key of ['hiddenSize', 'layers', 'vocabSize', 'heads', 'kvHeads', 'headDim', 'intermediateSize', 'tiedEmbeddings'] as const) {
    const [ours, theirs] = [first.config.shape[key], second.config.shape[key]];
    if (ours !== theirs) throw incomparable(models, `${key} is ${ours} in the one and ${theirs} in the other`);
  }
}

function sameLinears(models: readonly WalkedModel[], built: readonly Watched[], block: number | null): readonly WalkedLinear[] {
  const [first, ...others] = built;
  return (first?.linears ?? []).map((linear, index) => {
    const weights = [linear.weight];
    for (const other of others) {
      const match = other.linears[index];
      if (
        other.linears.length !== first?.linears.length ||
        match === undefined ||
        match.weight.rows !== linear.weight.rows ||
        match.weight.cols !== linear.weight.cols
      )
        throw incomparable(models, `${linear.module} of the one has no counterpart in the other`);
      weights.push(match.weight);
    }
    return { module: linear.module, block, input: linear.input, weights };
  });
}

function incomparable(models: readonly WalkedModel[], why: string): EngineError {
  const paths = models.map(({ path }) => path);
  return new EngineError('input', `${paths.join(' and ')} cannot be compared linear by linear: ${why}; give the model that the other was made from`);
}
