// A kind: a form of quantized matrices beside the affine one (code - zero) * scale, which only the save format `quantwright` holds. It says which tensors
// a matrix of it has, what config.json must tell of them, and how they are read back for the kernels. One folder per kind; the registry lists them.
import type { WeightSpec } from '@quantwright/native/binding';
import type { Dtype } from '../checkpoint/dtype.ts';
import type { JsonObject } from '../checkpoint/json-file.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { LinearPlace } from '../checkpoint/quantized/stored.ts';
import type { ModulePlan } from '../pipeline/layouts/layout.ts';

/** float: no codes at all, of models that were only rescaled (pipeline/layouts/safetensors.ts); it has no reader of its own. */
export type CodedKind = 'float' | 'bcq' | 'qrazor' | 'spqr' | 'table4';

/** A tensor of a module before its bytes exist; `suffix` follows the module name and a dot. */
export interface StoredTensor {
  readonly suffix: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** One dimension, whose length is known once the module is quantized; `shape` is an estimate of it. */
  readonly late?: true;
}

export interface Kind {
  readonly id: CodedKind;
  /** Why no matrix of this shape and scheme can be made, and what to do; null when one can. */
  refusal(plan: ModulePlan): string | null;
  /** The module's tensors, in file order. */
  tensors(plan: ModulePlan): readonly StoredTensor[];
  /** What config.json says of the module beside `kind`; `read` gets it back. Snake case, JSON values only. */
  settings(plan: ModulePlan): JsonObject;
  /** Throws kind `checkpoint`, naming the tensor, when tensors or settings are not what the model and the kind need. */
  read(mapped: MappedCheckpoint, place: LinearPlace, settings: JsonObject): Promise<WeightSpec>;
  /** Codec that the runtime computes on, for reports. */
  codec(plan: ModulePlan): string;
}
