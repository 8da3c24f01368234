// Training of a program's parameters by the squared error of its output (kernels/program/backward/trainer.h): through the rounding of matrices and of what
// linears read, which count as the identity on the way back, with AdamW. What LKD (arXiv 2206.01861, section 4.3) trains a block with.
import type { ActivationSpec } from './activations.ts';
import type { OpIndex } from './gradients.ts';
import type { ProgramSpec } from './programs.ts';
import type { RtnOptions } from './quantizers.ts';

/** Trained where it lies, instead of the program's own: `values` change with every step. Held by the trainer. */
export type TrainedParameter =
  | {
      readonly op: OpIndex;
      readonly of: 'matrix';
      /** Of a linear: [rows, cols]. */
      readonly values: Float32Array;
      /** Whether weight decay applies; left out: it does not. */
      readonly decays?: boolean;
      /** The program computes with what this makes of `values`; left out: with them as they are. */
      readonly rounding?: RtnOptions;
      /** How the rounding sees the matrix: [lines, rows * cols / lines]. With group_size -1, so many equal parts of the flat matrix have a scale each. */
      readonly lines?: number;
    }
  | {
      readonly op: OpIndex;
      readonly of: 'vector';
      /** Weight (and bias, behind it) of a norm, bias of a linear: as the op has it. */
      readonly values: Float32Array;
      readonly decays?: boolean;
    };

/** torch.optim.AdamW's. */
export interface AdamW {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Of the parameters that decay. */
  readonly weightDecay: number;
}

export interface TrainerSpec {
  readonly program: ProgramSpec;
  readonly parameters: readonly TrainedParameter[];
  /** Linears that read integers: kinds `token` and `tensor`. */
  readonly inputs: readonly { readonly op: OpIndex; readonly activations: ActivationSpec }[];
  readonly optimizer: AdamW;
}

/** `input`, `lengths`: as of a Tape. `target`: [rows, width of the output]. One call at a time. Rejects as a Tape does. */
export interface Trainer {
  /** Mean over all elements of (output - target)^2 as the parameters are, then one update of them; none where the loss is not finite. */
  step(input: Int32Array | Float32Array, lengths: Int32Array, target: Float32Array): Promise<number>;
  /** The same loss, without an update. */
  loss(input: Int32Array | Float32Array, lengths: Int32Array, target: Float32Array): Promise<number>;
  /** Memory of a step over so many rows, with rounded matrices, gradients and moments, without the parameters and what kernels work in. */
  bytes(rows: number): number;
  /** Gives up all of that and the parameters, which nothing else would do before JavaScript's memory runs short; only `release` may be called then. */
  release(): void;
}
