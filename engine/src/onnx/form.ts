// What quantized matrices look like in an ONNX graph: the nodes and tensors that take the place of a MatMul or Gemm. One file per form: nbits.ts, qdq.ts.
import type { NativeBinding } from '@quantwright/native/binding';
import type { Recipe, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import type { AffineMatrix, Method, ModuleScheme } from '../methods/method.ts';
import type { OnnxLinear } from './linears.ts';
import type { NodeProto, TensorProto } from './proto.ts';

export interface FormedLinear {
  /** In the order of computation; the last one has the product as its output. */
  readonly nodes: readonly NodeProto[];
  /** With their bytes in rawData. Linears may name the same ones; they are written once. */
  readonly tensors: readonly TensorProto[];
}

export interface OnnxForm {
  /** How the matrix is to be rounded. Throws kind `config` for settings that the form cannot hold. */
  scheme(recipe: Recipe, method: Method, linear: OnnxLinear & { readonly weights: WeightRecipe }): ModuleScheme;
  /** Of all tensors of a matrix. */
  bytes(linear: OnnxLinear, scheme: ModuleScheme): number;
  /** For reports. */
  describe(scheme: ModuleScheme): string;
  /** `output`: name of the product. Linears come in the order of the graph. */
  make(binding: NativeBinding, linear: OnnxLinear, matrix: AffineMatrix, output: string): Promise<FormedLinear>;
  /** Operators that are not ONNX's own. */
  readonly domain: { readonly name: string; readonly version: number } | null;
}

export function refusedModule({ module }: OnnxLinear, why: string): EngineError {
  return new EngineError('config', `${module}: ${why}`, { tensor: module, findings: [{ code: 'QC005', message: `${module}: ${why}` }] });
}
