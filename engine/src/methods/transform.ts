// What a transform is to the pipeline: it changes a block's float weights, norms and biases so that the block computes what it did, before a method rounds
// them. A transform never reads or writes files; it is given the block as earlier transforms left it, and says what it changes.
import type { DenseSource, DenseType, MatrixEdit, NativeBinding, ProgramSpec, Weight } from '@quantwright/native/binding';
import type { ActivationRecipe, QuantMethod, Recipe } from '@quantwright/schemas/recipe/recipe';
import type { BlockTraining } from '@quantwright/schemas/rpc/engine';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { ModelConfig } from '../model/config.ts';
import type { LinearInput } from '../model/observations.ts';
import type { ScalingPair } from '../model/scaling-pairs.ts';
import type { PhaseDemand } from '../pipeline/memory/phase.ts';
import type { ModuleScheme } from './method.ts';

export interface BlockEdit {
  /** New values of norms and biases by tensor name, exact in the type they are stored in. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** By module. */
  readonly matrices: ReadonlyMap<string, MatrixEdit>;
  /** [out, in] Matrices that stand in the place of what was there, by module. */
  readonly trained?: ReadonlyMap<string, Float32Array>;
  /** How they came about, for the result of the job. */
  readonly training?: BlockTraining;
  readonly warnings?: readonly string[];
}

/** A block as transforms left it; what is not named is as the checkpoint has it. */
export interface EditedBlock {
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** [out, in], f32, by module. */
  readonly matrices: ReadonlyMap<string, DenseSource>;
  readonly training?: BlockTraining;
  readonly warnings: readonly string[];
}

export const untouched: EditedBlock = { tensors: new Map(), matrices: new Map(), warnings: [] };

export interface BlockLinear {
  readonly module: string;
  readonly rows: number;
  readonly cols: number;
  readonly input: LinearInput;
  readonly scheme: ModuleScheme;
  /** How it will quantize what it reads; null: it will not. */
  readonly activations: ActivationRecipe | null;
}

/** What linears read, of some of the calibration tokens. */
export interface InputSample {
  /** [tokens, width] */
  readonly values: Float32Array;
  readonly tokens: number;
  readonly width: number;
  /** [tokens, ...] What attention or MLP, whichever reads this, makes of it with other weights in the place of those modules'. */
  output(replaced: ReadonlyMap<string, Weight>): Promise<Float32Array>;
}

/** One block for a transform. */
export interface TransformBlock {
  readonly binding: NativeBinding;
  readonly recipe: Recipe;
  readonly layer: number;
  /** Of the model. */
  readonly layers: number;
  /** Where channels may be rescaled: all linears of a pair are quantized. */
  readonly pairs: readonly ScalingPair[];
  /** Every linear that is quantized, in the order in which the block computes them. */
  readonly linears: readonly BlockLinear[];
  /** [out, in] */
  matrix(module: string): Promise<DenseSource>;
  /** Null when the checkpoint has no such tensor. */
  vector(name: string): Promise<Float32Array | null>;
  /** As the tensor is stored. */
  typeOf(name: string): DenseType;
  readonly inputs: BlockInputs;
  /** The block as it now is, over hidden states, and the modules of its linears. */
  program(): Promise<{ readonly spec: ProgramSpec; moduleOf(weight: Weight): string | undefined }>;
  /** After every step of training it. */
  onStep(step: number, of: number, loss: number): void;
  readonly signal?: AbortSignal | undefined;
}

/** What calibration can say of a block, as the weights now are. */
export interface BlockInputs {
  /** [width] Largest |x| of these inputs over all calibration tokens. */
  magnitudes(inputs: readonly LinearInput[]): Promise<(input: LinearInput) => Float32Array>;
  /** The same tokens at every call; so many that memory holds them. */
  sample(input: LinearInput): Promise<InputSample>;
  /** [tokens, hidden] of each calibration sequence before the block; what is read is not to be changed. */
  readonly sequences: number;
  sequence(index: number): Promise<Float32Array>;
  /** The same behind the blocks before it as they were written; null where nothing asked for it. */
  readonly quantized: ((index: number) => Promise<Float32Array>) | null;
}

/** What a transform that learns from the whole model will work on, for the plan. */
export interface TransformDemand {
  readonly recipe: Recipe;
  readonly config: ModelConfig;
  readonly sequences: readonly Int32Array[];
  /** Linears of each block that are quantized. */
  readonly modules: readonly (readonly { readonly rows: number; readonly cols: number }[])[];
}

/** The whole model, before its first block is taken. */
export interface TransformJob extends TransformDemand {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  /** Of a block, those that the transform uses. */
  pairs(layer: number): readonly ScalingPair[];
  /** Of every linear of the model that is quantized. */
  readonly schemes: ReadonlyMap<string, ModuleScheme>;
  /** What it may hold; Infinity without a limit. */
  readonly budgetBytes: number;
  /** After every step of training a block, or (null) all of them together. */
  readonly onProgress?: ((block: number | null, step: number, of: number, loss: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Transform {
  readonly id: QuantMethod;
  /** Whether it may rescale that place. */
  uses(pair: ScalingPair): boolean;
  /** Learns from the model as the checkpoint has it; what it gives is asked for the blocks instead. Only of a transform that comes first. */
  begin?(job: TransformJob): Promise<Pick<Transform, 'transform'>>;
  /** What `begin` holds, or `transform` beside the block that it edits. */
  demand?(demand: TransformDemand): PhaseDemand;
  /** It runs the block itself: `inputs.sequence` and `program` are needed. Left out: false. */
  readonly runsBlock?: boolean;
  /** Rejects with kind `checkpoint` when the weights or what they read are not finite. */
  transform(block: TransformBlock): Promise<BlockEdit>;
}
