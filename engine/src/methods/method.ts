// What a quantization method is to the pipeline: what it needs to observe, and how it turns one weight matrix into codes, scales and zeros.
// A method never reads or writes files and never sees a save format; the pipeline picks the rounding that the format can hold.
import type { DenseSource, DenseType, HessianFactor, NativeBinding, PackedBits, RtnDialect, RtnOptions, WeightSpec } from '@quantwright/native/binding';
import type { ActivationRecipe, QuantMethod, Recipe, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { InputScale } from '../checkpoint/activations.ts';
import type { CodedKind, StoredTensor } from '../kinds/kind.ts';
import type { InputStatistic, ObservedInput } from './w8a8_static/observed.ts';

export type ScaleType = Recipe['scaleType'];

/** Statistics of a linear's input that calibration collects (`observe` of the block program). */
export type Observation = 'absmax' | 'hessian' | 'capture' | 'range' | 'histogram';

/** What calibration knows about the input that a linear reads. Linears with the same input share it. */
export interface LayerInputs {
  /** The factor of its Hessian; made once for each order of columns. `dampFirst`: damped before columns without input are looked at. */
  factor(descAct: boolean, dampFirst?: boolean): Promise<HessianFactor>;
  /** Where the method has a `statistic`. */
  readonly observed?: ObservedInput;
}

/** What every quantized matrix says of itself. */
export interface MatrixReport {
  readonly rows: number;
  readonly cols: number;
  /** 10 log10(sum w^2 / sum (w-w')^2) of the stored matrix. */
  readonly sqnrDb: number;
  /** Mean of (w-w')^2. */
  readonly mse: number;
  /** First non-finite weight as [row, col]; the codes mean nothing then and the pipeline refuses the tensor. */
  readonly notFinite: readonly [number, number] | null;
}

/** An integer matrix: w = (code - zero) * scale, one scale and zero per row and group of `groupSize` columns. Every save format holds it. */
export interface AffineMatrix extends MatrixReport {
  readonly kind: 'affine';
  readonly bits: PackedBits;
  /** 1..cols, never -1. The last group of a row may be shorter. */
  readonly groupSize: number;
  /** ceil(cols / groupSize). */
  readonly groups: number;
  /** Int8Array = signed codes, Uint8Array = unsigned. [rows, cols] */
  readonly codes: Int8Array | Uint8Array;
  /** [rows, groups], exact in `scaleType`. */
  readonly scale: Float32Array;
  /** [rows, groups]; fractional for InstantQuant, exact in `scaleType` then. */
  readonly zero: Float32Array;
  readonly symmetric: boolean;
  readonly scaleType: ScaleType;
  /** Group of every column; absent = column / groupSize. */
  readonly gIdx?: Int32Array;
  /** What static activations are quantized with; only of methods that observe them. */
  readonly inputScale?: InputScale;
}

/** A matrix in a form that only the save format `quantwright` holds, with its tensors as they are stored there (engine/src/kinds). */
export interface CodedMatrix extends MatrixReport {
  readonly kind: CodedKind;
  /** Those that `Kind.tensors` planned, in that order. Little endian. */
  readonly tensors: readonly (StoredTensor & { readonly data: Uint8Array })[];
  /** The same weight for the kernels. */
  readonly spec: WeightSpec;
  /** What the method has to say of it beside the errors, for people. */
  readonly figures?: Readonly<Record<string, number>>;
}

export type QuantizedMatrix = AffineMatrix | CodedMatrix;

/** How one module is to be rounded: the recipe with its overrides applied and the rounding that the save format can hold. */
export interface ModuleScheme {
  /** The form of the result. Left out: affine. */
  readonly kind?: 'affine' | CodedKind;
  /** Where methods find options of their own. Left out: they use their defaults. */
  readonly recipe?: Recipe;
  readonly weights: WeightRecipe;
  /** Of this module; null: they stay in floating point. Left out: the recipe's. */
  readonly activations?: ActivationRecipe | null;
  readonly dialect: RtnDialect;
  readonly mseSearch: boolean;
  readonly fullRange: boolean;
  readonly scaleType: ScaleType;
  /** Groups that are no runs of columns, or codes that are no integers of `weights.bits`. Left out: neither. */
  readonly flat?: FlatGroups;
  /** How the checkpoint has the matrix; `transposed`: as [cols, rows]. Left out: nobody asks. */
  readonly stored?: { readonly type: DenseType; readonly transposed: boolean };
}

/** Equal parts of the flattened matrix that share a scale; `weights.groupSize` divides each of them and a row. */
export interface FlatGroups {
  readonly parts: number;
  /** Of the quantizer; `weights.bits` is what its codes are stored in. 1: signs. */
  readonly bits: 1 | PackedBits;
}

export interface Method<Matrix extends QuantizedMatrix = QuantizedMatrix> {
  readonly id: QuantMethod;
  /** Observations of the input that must exist before `quantizeModule`; none = the method needs no calibration. */
  readonly needs: { readonly observe: readonly Observation[] };
  /** Rounding used when the recipe names none. */
  readonly defaultDialect: RtnDialect;
  /** For methods that look at how large inputs are, and not at Hessians: what is kept of every input, in the model as it is. */
  statistic?(recipe: Recipe): InputStatistic;
  /** The form that the matrix of these weights gets. Left out: affine, always. */
  kind?(weights: WeightRecipe, recipe: Recipe): 'affine' | CodedKind;
  /**
   * The scheme of one linear, where its shape or its activations decide on it: a string says why there is none and what to do. Left out: `scheme` for all.
   */
  fit?(scheme: ModuleScheme, linear: { readonly rows: number; readonly cols: number; readonly activations: ActivationRecipe | null }): ModuleScheme | string;
  /** For methods that round every row by itself: how the native quantizer does what `quantizeModule` does, so that a matrix can be written in bands of rows. */
  rowOptions?(scheme: ModuleScheme, cols: number): RtnOptions | undefined;
  /** Rows are rounded apart from each other, given the inputs: a matrix may be handed in in bands of 32 rows or more. Left out: false. */
  readonly rowsApart?: boolean;
  /** `inputs`: given when `needs` asks for observations. Rejects with a native error when the matrix cannot be quantized so; never touches `source`. */
  quantizeModule(binding: NativeBinding, source: DenseSource, scheme: ModuleScheme, inputs?: LayerInputs): Promise<Matrix>;
}
