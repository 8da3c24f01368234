// kvquant.safetensors: what a KVQuant cache needs of every layer, beside the weights that it was calibrated with.
//   layers.{i}.key_lower, .key_upper [kvHeads * headDim]      layers.{i}.{key,value}_codebook.{bits} [2^bits], .{key,value}_norm.{bits} [2] with Q-Norm
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvquantKvCache, KvquantLayer } from '@quantwright/native/binding';
import { openCheckpointFiles } from '../../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../../checkpoint/mapped.ts';
import { createSafetensors, type TensorPlan } from '../../checkpoint/writer.ts';
import { EngineError } from '../../errors.ts';
import { loadBinding } from '../../jobs/binding.ts';
import type { CalibratedLayer } from './layer.ts';
import type { KvquantBits, KvquantSettings } from './settings.ts';

export const kvquantFile = 'kvquant.safetensors';
const format = 'quantwright-kvquant-1';

/** Written beside itself and renamed. Throws kind `io`. */
export async function writeKvquant(directory: string, layers: readonly CalibratedLayer[], settings: KvquantSettings, tokens: number): Promise<string> {
  const tensors = new Map(layers.flatMap((layer, index) => tensorsOf(layer, `layers.${index}`)));
  const plan = [...tensors].map(([name, data]): TensorPlan => ({ name, dtype: 'F32', shape: [data.length] }));
  const file = join(directory, kvquantFile);
  const { sparsity, firstTokens, fisher, codebook } = settings;
  const metadata = { format, sparsity: String(sparsity), first_tokens: String(firstTokens), fisher: String(fisher), codebook, tokens: String(tokens) };
  const writer = await createSafetensors(file, plan, metadata);
  try {
    for (const [name, data] of tensors) await writer.write(name, data);
    await writer.finish();
  } catch (cause) {
    await writer.abort();
    throw cause;
  }
  return file;
}

function tensorsOf(layer: CalibratedLayer, prefix: string): readonly (readonly [string, Float32Array])[] {
  return [
    [`${prefix}.key_lower`, layer.keyLower],
    [`${prefix}.key_upper`, layer.keyUpper],
    ...[...layer.codebooks].flatMap(([bits, { key, value, keyNorm, valueNorm }]): [string, Float32Array][] => [
      [`${prefix}.key_codebook.${bits}`, key],
      [`${prefix}.value_codebook.${bits}`, value],
      ...(keyNorm === null ? [] : ([[`${prefix}.key_norm.${bits}`, keyNorm]] as [string, Float32Array][])),
      ...(valueNorm === null ? [] : ([[`${prefix}.value_norm.${bits}`, valueNorm]] as [string, Float32Array][])),
    ]),
  ];
}

export interface KvquantChoice {
  readonly bits: KvquantBits;
  /** Left out: as calibrated. 1 keeps nothing apart, whatever the thresholds are. */
  readonly sparsity?: number;
  readonly firstTokens?: number;
}

/** What the native binding makes a session with. Throws kind `input` when the model has no calibration, saying how it gets one; `checkpoint` when it is damaged. */
export async function readKvquant(modelDir: string, { bits, sparsity, firstTokens }: KvquantChoice): Promise<KvquantKvCache> {
  const file = join(modelDir, kvquantFile);
  if ((await stat(file).catch(() => null)) === null) {
    throw new EngineError(
      'input',
      `${modelDir} has no KVQuant calibration saved with it (${kvquantFile}); make it with: quantwright calibrate-kv ${modelDir} --bits ${bits}`,
      { file },
    );
  }
  const checkpoint = await openCheckpointFiles(file, [file]);
  const stated = checkpoint.metadata;
  if (stated.get('format') !== format) {
    throw new EngineError(
      'checkpoint',
      `${file} is not a calibration of a kvquant cache that this version reads (format ${stated.get('format') ?? 'absent'})`,
      {
        file,
      },
    );
  }
  // The native side compares their number with the model's.
  const layers = checkpoint.names.filter((name) => name.endsWith('.key_lower')).length;
  const mapped = mapCheckpoint(checkpoint, await loadBinding());
  const number = (key: string): number => {
    const value = Number(stated.get(key));
    if (!Number.isFinite(value)) throw new EngineError('checkpoint', `${file}: its metadata have no number ${key}`, { file });
    return value;
  };
  try {
    const read: KvquantLayer[] = [];
    for (let layer = 0; layer < layers; layer += 1) {
      const tensor = (name: string): Promise<Float32Array> => mapped.floats(`layers.${layer}.${name}`);
      const optional = async (name: string): Promise<Float32Array | undefined> => (checkpoint.has(`layers.${layer}.${name}`) ? tensor(name) : undefined);
      const keyNorm = await optional(`key_norm.${bits}`);
      const valueNorm = await optional(`value_norm.${bits}`);
      read.push({
        keyLower: await tensor('key_lower'),
        keyUpper: await tensor('key_upper'),
        keyCodebook: await tensor(`key_codebook.${bits}`),
        valueCodebook: await tensor(`value_codebook.${bits}`),
        ...(keyNorm === undefined ? {} : { keyNorm }),
        ...(valueNorm === undefined ? {} : { valueNorm }),
      });
    }
    return { kind: 'kvquant', bits, sparsity: sparsity ?? number('sparsity'), firstTokens: firstTokens ?? number('first_tokens'), layers: read };
  } finally {
    mapped.close();
  }
}
