// Our own layout (layouts.ts): GPTQ packing with free shapes and floating-point zero points, and A8W8 with fractional zero points.
import type { ActivationSpec } from '@quantwright/native/activations';
import type { AffineWeightSpec } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { kindOf } from '../../kinds/registry.ts';
import { activationSpec } from '../activations.ts';
import { groupCount, integerCodec, packedWords, suffix, weightOnlyCodec } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import type { QuantwrightModuleConfig, QuantwrightStored } from './config.ts';
import { expectTensor, fail, type LinearPlace, readBias, readGroupIndex, type StoredLinear, scaleTypeOf, storedCodes, storedParameters } from './stored.ts';

export async function readQuantwright(mapped: MappedCheckpoint, place: LinearPlace, config: QuantwrightStored): Promise<StoredLinear> {
  const module = config.of(place.module);
  if ('kind' in module) {
    const spec = await kindOf(module.kind, config.file).read(mapped, place, module.settings);
    return { spec, ...(await readBias(mapped, place)) };
  }
  const bytes = module.activations !== null && module.bits === 8 && module.groupSize === -1;
  const { spec } = bytes ? readBytes(mapped, place) : readWords(mapped, place, module);
  return {
    spec: module.activations === null ? spec : { ...spec, codec: integerCodec(module.bits), activations: readActivations(mapped, place, module.activations) },
    ...(await readBias(mapped, place)),
  };
}

/** The scale of inputs that share one lies beside the weight. */
export function readActivations(mapped: MappedCheckpoint, { module }: LinearPlace, activations: ActivationRecipe): ActivationSpec {
  if (activations.dynamic) return activationSpec(activations);
  const scale = expectTensor(mapped, `${module}.${suffix.inputScale}`, ['F32'], [1]);
  const zero = expectTensor(mapped, `${module}.${suffix.inputZeroPoint}`, ['I32'], [1]);
  const found = { scale: new Float32Array(mapped.read(scale.name).buffer)[0] ?? 0, zero: new Int32Array(mapped.read(zero.name).buffer)[0] ?? 0 };
  if (!(found.scale > 0 && Number.isFinite(found.scale))) fail(scale, `is ${found.scale}; a positive number is needed`);
  return activationSpec(activations, found);
}

interface AffineLinear {
  readonly spec: AffineWeightSpec;
}

function readWords(mapped: MappedCheckpoint, place: LinearPlace, { bits, groupSize, signed }: QuantwrightModuleConfig): AffineLinear {
  const { module, rows, cols } = place;
  const name = (tensor: string): string => `${module}.${tensor}`;
  checkShape(mapped, place);
  const groups = groupCount(cols, groupSize);
  const qweight = expectTensor(mapped, name(suffix.qweight), ['I32', 'U32'], [packedWords(cols, bits), rows]);
  const scales = expectTensor(mapped, name(suffix.scales), ['F16', 'BF16', 'F32'], [groups, rows]);
  const zeros = expectTensor(mapped, name(suffix.zeros), [scales.dtype], [groups, rows]);
  const gIdx = readGroupIndex(mapped, name(suffix.gIdx), cols, groups, groupSize);
  return {
    spec: {
      codec: weightOnlyCodec(bits),
      rows,
      cols,
      groupSize: groups === 1 ? -1 : groupSize,
      codes: storedCodes(mapped, qweight.name, 'gptq', bits, signed),
      scale: storedParameters(mapped, scales, 'groups'),
      zero: storedParameters(mapped, zeros, 'groups'),
      ...(gIdx === undefined ? {} : { gIdx }),
      scaleType: scaleTypeOf(scales),
    },
  };
}

function readBytes(mapped: MappedCheckpoint, place: LinearPlace): AffineLinear {
  const { module, rows, cols } = place;
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['I8', 'U8'], [rows, cols]);
  const scale = expectTensor(mapped, `${module}.${suffix.weightScale}`, ['F32'], [rows, 1]);
  const zero = expectTensor(mapped, `${module}.${suffix.weightZeroPoint}`, ['F32'], [rows, 1]);
  return {
    spec: {
      codec: 'w8a8',
      rows,
      cols,
      groupSize: -1,
      codes: storedCodes(mapped, weight.name, 'bytes', 8, weight.dtype === 'I8'),
      scale: storedParameters(mapped, scale, 'rows'),
      zero: storedParameters(mapped, zero, 'rows'),
      scaleType: 'f32',
    },
  };
}

function checkShape(mapped: MappedCheckpoint, place: LinearPlace): void {
  const info = expectTensor(mapped, `${place.module}.${suffix.weightShape}`, ['I64'], [2]);
  const [rows, cols] = Array.from(new BigInt64Array(mapped.read(info.name).buffer), Number);
  if (rows !== place.rows || cols !== place.cols) fail(info, `says [${rows}, ${cols}]; the model's config needs [${place.rows}, ${place.cols}]`);
}
