// Reverse mode (kernels/program/backward): gradients of a loss by parameters and by the input of a program, over whole sequences from their beginning.
import type { ActivationSpec } from './activations.ts';
import type { ProgramSpec } from './programs.ts';

/** Index of an op: through the body, then the head. */
export type OpIndex = number;

/** Parameters that are read where they lie at every run, instead of those of the program: change their elements between runs. Held by the tape. */
export interface ReplacedParameters {
  readonly op: OpIndex;
  /** Of a linear: [rows, cols]. */
  readonly matrix?: Float32Array;
  /** Of a rmsnorm: weight. Of a layernorm: weight, then bias when it has one. Of a linear with a bias: that. */
  readonly vector?: Float32Array;
  /** Of a linear: it reads its input rounded so (kinds `token` and `tensor`); gradients pass the rounding as they are. */
  readonly inputs?: ActivationSpec;
}

/**
 * matrix: of a linear, [rows, cols]. vector: weight of a rmsnorm; weight and then bias of a layernorm (both, [2 * width], whether it has a bias or not); bias of a linear that has one.
 * columns: [cols], of a factor of every column of a linear whose matrix is made of `against` times it: sum over rows of against * gradient of the matrix.
 */
export type WantedGradient =
  | { readonly op: OpIndex; readonly of: 'matrix' }
  | { readonly op: OpIndex; readonly of: 'vector' }
  | { readonly op: OpIndex; readonly of: 'columns'; readonly against: Float32Array };

export interface TapeSpec {
  readonly program: ProgramSpec;
  readonly replaced: readonly ReplacedParameters[];
  readonly wanted: readonly WantedGradient[];
  /** Whether the gradient of value 0 is wanted; not of tokens. */
  readonly inputGradient?: boolean;
}

export interface Gradients {
  /** [rows, width of value 0]; null unless `inputGradient`. */
  readonly input: Float32Array | null;
  /** One for each of `wanted`, in its order. */
  readonly wanted: readonly Float32Array[];
}

export interface GradientsOfLoss extends Gradients {
  readonly loss: number;
}

/**
 * A program prepared for gradients. `input`: tokens, or rows of value 0, of sequences one after the other; `lengths`: tokens of each. One call at a time.
 * Rejects with QW_INVALID_ARGUMENT, and with QW_OUT_OF_MEMORY when the values do not fit.
 */
export interface Tape {
  /** Output rows [rows, width]. keep: all values stay in memory for one `backward`. */
  forward(input: Int32Array | Float32Array, lengths: Int32Array, keep: boolean): Promise<Float32Array>;
  /** After a forward run that kept its values, which it uses up. gradient: of the loss by the output, [rows, width]. */
  backward(gradient: Float32Array): Promise<Gradients>;
  /** Mean over rows with a target >= 0 of -log softmax(output)[target]. targets [rows]. */
  crossEntropy(input: Int32Array | Float32Array, lengths: Int32Array, targets: Int32Array): Promise<GradientsOfLoss>;
  /** Mean over all elements of (output - target)^2. target [rows, width of the output]. */
  squaredError(input: Int32Array | Float32Array, lengths: Int32Array, target: Float32Array): Promise<GradientsOfLoss>;
  /** Gives up what forward kept. */
  release(): void;
  /** Memory of a forward run that keeps and a backward run over so many rows, without what kernels work in. */
  bytes(rows: number): number;
}
