// Runs a program over many sequences, some at a time, each from its own empty cache.
import type { NativeBinding, Program, ProgramSpec } from '@quantwright/native/binding';

export interface RunSequencesOptions {
  /** Tokens, or hidden states [tokens, width], of every sequence. */
  readonly inputs: readonly (Int32Array | Float32Array)[];
  /** Most tokens of one. */
  readonly length: number;
  /** Gets the output of every sequence, a view that lives until the next call; without it none is made. */
  readonly take?: ((index: number, output: Float32Array) => void) | undefined;
  /** After each pass. */
  readonly onPass?: ((sequencesDone: number) => void) | undefined;
  /** Looked at between passes; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a pass of the linears (kernels/program, kChunkRows): so many tokens run at once, and at least one sequence. */
const passRows = 256;

/** The program, with what its observers saw. */
export async function runSequences(binding: NativeBinding, spec: ProgramSpec, options: RunSequencesOptions): Promise<Program> {
  const { inputs, length, take, onPass, signal } = options;
  const batch = Math.min(inputs.length, Math.max(1, Math.floor(passRows / length)));
  const program = binding.createProgram(spec);
  const sessions = Array.from({ length: batch }, () => program.createSession(length, 'f32'));
  for (let first = 0; first < inputs.length; first += batch) {
    signal?.throwIfAborted();
    const parts = inputs.slice(first, first + batch).flatMap((input, at) => {
      const session = sessions[at];
      session?.truncate(0);
      return session === undefined ? [] : [{ session, input, rows: take === undefined ? ('none' as const) : ('all' as const) }];
    });
    const outputs = await program.runBatch(parts);
    for (const [at, output] of outputs.entries()) take?.(first + at, output);
    onPass?.(first + parts.length);
  }
  return program;
}
