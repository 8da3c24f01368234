// HQQ checkpoints (axis 1) -> weight specs: w = (code - zero) * scale, one float zero and scale per group of input features.
// The state of a module tells of itself (nbits, axis, shape); what it leaves out, the config says. Scales and zeros that are quantized themselves
// only exist in pickles, which are not read. Sources: mobiusml/hqq hqq/core/quantize.py :: Quantizer, HQQLinear.state_dict; core/utils.py ::
// encode_safetensor_type; core/bitpack.py.
import type { AffineWeightSpec, StoredParameters } from '@quantwright/native/binding';
import type { Dtype } from '../dtype.ts';
import type { TensorInfo } from '../header.ts';
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { spell } from '../spell.ts';
import type { HqqConfig } from './hqq-config.ts';
import { expectTensor, fail, type LinearPlace, readBias, type StoredLinear, scaleTypeOf, storedParameters } from './stored.ts';

/** Stored bits and codec of every nbits. 5 and 6 bits lie in bytes; 1.58 (three levels) in 2 bits. */
const widths: Readonly<Record<string, { readonly stored: 1 | 2 | 3 | 4 | 8; readonly codec: AffineWeightSpec['codec'] }>> = {
  1: { stored: 1, codec: 'q2' },
  1.58: { stored: 2, codec: 'q2' },
  2: { stored: 2, codec: 'q2' },
  3: { stored: 3, codec: 'q3' },
  4: { stored: 4, codec: 'q4' },
  5: { stored: 8, codec: 'q5' },
  6: { stored: 8, codec: 'q6' },
  8: { stored: 8, codec: 'q8' },
};
/** view_as_float: the same bytes under another name. */
const views: readonly Dtype[] = ['U8', 'I32', 'F16', 'BF16', 'F32'];

/** Throws kind `checkpoint`, naming the tensor that is missing, misshapen or of an arrangement that cannot be computed on. */
export async function readHqq(mapped: MappedCheckpoint, place: LinearPlace, config: HqqConfig): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const name = (part: string): string => `${module}.${part}`;
  const codes = mapped.checkpoint.info(name(suffix.hqqCodes));
  for (const part of ['scale_q', 'zero_q'])
    if (mapped.checkpoint.has(name(part)))
      fail(
        mapped.checkpoint.info(name(part)),
        'is quantized itself; its parameters are not kept in safetensors: save the model without quant_scale and quant_zero',
      );
  checkShape(mapped, place);
  const said = config.of(module);
  const axis = number(mapped, name('axis'), said.axis);
  if (axis !== 1)
    fail(
      codes,
      `is grouped along axis ${spell(axis)}; groups along the outputs (axis 0) give every input feature scales of its own, only axis 1 can be computed on`,
    );
  const nbits = number(mapped, name('nbits'), said.bits);
  const width = widths[String(nbits)] ?? fail(codes, `has codes of ${spell(nbits)} bits; ${Object.keys(widths).join(', ')} can be read`);
  const groupSize = groupSizeOf(mapped.checkpoint.info(name(suffix.hqqScale)), place);
  const lines = (rows * cols) / groupSize;
  const fields = width.stored === 3 ? 10 : 8 / width.stored;
  const bytes = Math.ceil(lines / fields) * groupSize * (width.stored === 3 ? 4 : 1);
  if (!views.includes(codes.dtype)) fail(codes, `has type ${codes.dtype}; packed codes are ${views.join(', ')}`);
  if (codes.bytes !== bytes || (width.stored !== 3 && lines % fields !== 0))
    fail(
      codes,
      `has shape [${codes.shape.join(', ')}], ${codes.bytes} bytes; ${nbits}-bit codes of [${rows}, ${cols}] in groups of ${groupSize} are ${bytes} bytes`,
    );
  const [scale, zero] = await Promise.all([parameters(mapped, name(suffix.hqqScale), lines), parameters(mapped, name(suffix.hqqZero), lines)]);
  return {
    spec: {
      codec: width.codec,
      rows,
      cols,
      groupSize,
      codes: { layout: 'planes', bits: width.stored, signed: false, data: mapped.bytes(codes.name) },
      scale: scale.values,
      zero: zero.values,
      scaleType: scale.type === zero.type ? scale.type : 'f32',
    },
    ...(await readBias(mapped, place)),
  };
}

/** One scale a group in the order of the flat matrix, [groups, 1]; one value stands for the whole matrix, whose rows are the lines then. */
function groupSizeOf(scale: TensorInfo, { rows, cols }: LinearPlace): number {
  const count = scale.shape.reduce((product, size) => product * size, 1);
  const size = count === 1 ? cols : (rows * cols) / count;
  if (Number.isInteger(size) && cols % size === 0 && (count === 1 || (scale.shape[0] === count && scale.shape.length <= 2))) return size;
  return fail(scale, `has shape [${scale.shape.join(', ')}]; [groups, 1] with groups that divide the ${cols} input features of ${rows} rows is needed`);
}

async function parameters(
  mapped: MappedCheckpoint,
  name: string,
  lines: number,
): Promise<{ readonly values: Float32Array | StoredParameters; readonly type: AffineWeightSpec['scaleType'] }> {
  const info = mapped.checkpoint.info(name);
  const type = scaleTypeOf(info);
  const count = info.shape.reduce((product, size) => product * size, 1);
  if (count === 1) return { values: new Float32Array(lines).fill((await mapped.floats(name))[0] ?? Number.NaN), type };
  if (count !== lines) fail(info, `has shape [${info.shape.join(', ')}]; [${lines}, 1] is needed`);
  return { values: storedParameters(mapped, info, 'rows'), type };
}

/** A number of the module's state (a scalar tensor), else what the config says. */
function number(mapped: MappedCheckpoint, name: string, stated: unknown): unknown {
  const info = mapped.checkpoint.find(name);
  if (info === undefined) return stated;
  if (info.bytes > 8) fail(info, `has shape [${info.shape.join(', ')}]; one number is needed`);
  const { buffer } = mapped.read(name);
  if (info.dtype === 'I32') return new Int32Array(buffer)[0];
  if (info.dtype === 'I64') return Number(new BigInt64Array(buffer)[0]);
  if (info.dtype === 'U8') return new Uint8Array(buffer)[0];
  // 1.58 in f32 is 1.58000004.
  if (info.dtype === 'F32') return Math.round((new Float32Array(buffer)[0] ?? Number.NaN) * 100) / 100;
  return fail(info, `has type ${info.dtype}; a number is needed`);
}

function checkShape(mapped: MappedCheckpoint, { module, rows, cols }: LinearPlace): void {
  const name = `${module}.shape`;
  if (!mapped.checkpoint.has(name)) return;
  const info = expectTensor(mapped, name, ['I64', 'I32'], [2]);
  const { buffer } = mapped.read(name);
  const [down, across] = info.dtype === 'I64' ? Array.from(new BigInt64Array(buffer), Number) : Array.from(new Int32Array(buffer));
  if (down !== rows || across !== cols) fail(info, `says [${down}, ${across}]; the model's config needs [${rows}, ${cols}]`);
}
