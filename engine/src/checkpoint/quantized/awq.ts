// AutoAWQ checkpoints of the GEMM version (algorithms section 18.2) -> weight specs: the words hold eight outputs each, in an order of their own.
import { unpackAwq } from '../awq-words.ts';
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import type { AwqConfig } from './config.ts';
import {
  expectTensor,
  fittingGroupSize,
  integerZeros,
  type LinearPlace,
  readBias,
  type StoredLinear,
  scaleTypeOf,
  storedCodes,
  storedParameters,
} from './stored.ts';

export async function readAwq(mapped: MappedCheckpoint, place: LinearPlace, config: AwqConfig): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const qweight = expectTensor(mapped, `${module}.${suffix.qweight}`, ['I32', 'U32'], [cols, Math.ceil(rows / 8)]);
  const scales = expectTensor(
    mapped,
    `${module}.${suffix.scales}`,
    ['F16', 'BF16', 'F32'],
    [mapped.checkpoint.info(`${module}.${suffix.scales}`).shape[0] ?? 0, rows],
  );
  const [groups = 0] = scales.shape;
  const qzeros = expectTensor(mapped, `${module}.${suffix.qzeros}`, ['I32', 'U32'], [groups, Math.ceil(rows / 8)]);
  return {
    spec: {
      codec: 'q4',
      rows,
      cols,
      groupSize: fittingGroupSize(scales, cols, groups, config.groupSize),
      codes: storedCodes(mapped, qweight.name, 'awq', 4, false),
      scale: storedParameters(mapped, scales, 'groups'),
      zero: { ...integerZeros(unpackAwq(new Uint32Array(mapped.read(qzeros.name).buffer), rows, groups), 0, 15), order: 'rows' },
      scaleType: scaleTypeOf(scales),
    },
    ...(await readBias(mapped, place)),
  };
}
