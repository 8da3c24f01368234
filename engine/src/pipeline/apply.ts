// Quantizes one module: rounds its matrix, refuses what is not finite, and packs it. The mapped pages of the matrix are given back to the system,
// so that memory holds one module at a time.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import { transposedDense } from '../checkpoint/transposed.ts';
import { EngineError } from '../errors.ts';
import type { LayerInputs, Method, QuantizedMatrix } from '../methods/method.ts';
import type { Layout } from './layouts/layout.ts';
import type { PlannedModule } from './plan.ts';
import type { LinearSource } from './source.ts';

export interface AppliedModule {
  /** Bytes of the planned tensors, in their order. */
  readonly data: readonly Uint8Array[];
  readonly matrix: QuantizedMatrix;
}

/** `edited`: the matrix as transforms left it. Throws kind `checkpoint` when the weight or its scales are not finite, naming the tensor and the place. */
export async function applyToModule(
  binding: NativeBinding,
  mapped: MappedCheckpoint,
  method: Method,
  layout: Layout,
  module: PlannedModule,
  inputs?: LayerInputs,
  edited?: DenseSource,
): Promise<AppliedModule> {
  const { weight } = module.source;
  try {
    const source = edited ?? (await denseSource(mapped, module.source));
    const matrix = await method.quantizeModule(binding, source, module.scheme, inputs);
    refuseNotFinite(matrix, weight.name, weight.file);
    return { data: matrix.kind === 'affine' ? await layout.pack(binding, module, matrix) : matrix.tensors.map(({ data }) => data), matrix };
  } finally {
    mapped.release(weight.name);
  }
}

/** The matrix [rows, cols], whichever way it is stored. */
export async function denseSource(mapped: MappedCheckpoint, { weight, transposed, rows, cols }: LinearSource): Promise<DenseSource> {
  return transposed ? transposedDense(mapped, weight.name, rows, cols) : mapped.dense(weight.name);
}

export function refuseNotFinite(matrix: QuantizedMatrix, tensor: string, file: string): void {
  const place = { file, tensor };
  if (matrix.notFinite !== null) throw notFiniteAt(matrix.notFinite, tensor, file);
  if (matrix.kind !== 'affine') return;
  const bad = matrix.scale.findIndex((scale) => !Number.isFinite(scale));
  if (bad !== -1) {
    const row = Math.floor(bad / matrix.groups);
    throw new EngineError(
      'checkpoint',
      `${file}: the scale of ${tensor} row ${row}, group ${bad % matrix.groups} does not fit ${matrix.scaleType}; use "scale_type": "f32" or "bf16"`,
      place,
    );
  }
}

export function notFiniteAt([row, col]: readonly [number, number], tensor: string, file: string): EngineError {
  return new EngineError(
    'checkpoint',
    `${file}: ${tensor} [${row}, ${col}] is not a finite number (NaN or infinity); the model is damaged, download it again`,
    {
      file,
      tensor,
    },
  );
}
