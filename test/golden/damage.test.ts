// What quantization costs on quill-16m, against independent software (PyTorch; ../shared/reference/eval-oracle.md section 5): the codes of all 56
// linears by hash, and the perplexity after saving, reloading and running on the packed kernels. float32 scales, as the oracle's.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { type MappedCheckpoint, mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { measurePerplexity } from '@quantwright/engine/eval/perplexity';
import { loadModel } from '@quantwright/engine/model/load';
import { quantizeModel } from '@quantwright/engine/pipeline/quantize';
import type { NativeBinding } from '@quantwright/native/binding';
import { loadNative } from '@quantwright/native/load';

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const oracle = join(project, '..', 'shared', 'reference', 'oracle', 'damage.json');
const text = join(project, '..', 'shared', 'models', 'eval', 'docs_evaluation.txt');
const model = join(project, 'models', 'quill-16m');
const skip = existsSync(oracle) ? false : 'the oracle figures (../shared/reference/oracle) are not here';

/** Windows of 1,024 tokens that are measured: all 67 with QUANTWRIGHT_LONG_TESTS, else enough to tell any two rows of the table apart. */
const windows = process.env['QUANTWRIGHT_LONG_TESTS'] ? 67 : 12;

interface Damage {
  /** Total nats of each window of 1,024 tokens (1,023 predicted). */
  readonly window_nll_nats: readonly number[];
  readonly codes_sha256_int16_le_sorted_names: string;
}
const damage: Readonly<Record<string, Damage>> = skip ? {} : JSON.parse(readFileSync(oracle, 'utf8'));

/** Codes equal to the last bit, so only the order of float sums differs: 0.1 % is generous. W8A8 rounds activations, where a different sum may flip a code. */
const relativeTolerance = 1e-3;

const iq = { quant_method: 'instant_quant', scale_type: 'float32', save_format: 'quantwright' };
const ist = { quant_method: 'rtn', dialect: 'ist', symmetric: false, scale_type: 'float32', save_format: 'quantwright' };
const cases: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'iq-int8-ch': { ...iq, weight_format: 'int8', group_size: -1 },
  'iq-uint4-ch': { ...iq, weight_format: 'uint4', group_size: -1 },
  'iq-uint4-g128': { ...iq, weight_format: 'uint4', group_size: 128 },
  'iq-uint4-g32': { ...iq, weight_format: 'uint4', group_size: 32 },
  w8a8: { ...iq, weight_format: 'int8', group_size: -1, compute_method: 'activate_quant' },
  'ist-int8-ch': { ...ist, weight_format: 'uint8', group_size: -1 },
  'ist-int4-ch': { ...ist, weight_format: 'uint4', group_size: -1 },
  'ist-int4-g128': { ...ist, weight_format: 'uint4', group_size: 128 },
  'ist-int4-g32': { ...ist, weight_format: 'uint4', group_size: 32 },
  'ist-int3-g32': { ...ist, weight_format: 'uint3', group_size: 32 },
  'ist-int2-g32': { ...ist, weight_format: 'uint2', group_size: 32 },
};

for (const [name, config] of Object.entries(cases)) {
  test(`${name}: codes and perplexity agree with independent software`, { skip, timeout: 180_000 }, async (t) => {
    const native = await loadNative();
    assert.ok(native.ok, native.ok ? '' : native.reason);
    const directory = await mkdtemp(join(tmpdir(), 'quantwright-damage-'));
    try {
      const configPath = join(directory, 'job.quant.json');
      await writeFile(configPath, JSON.stringify(config));
      const out = join(directory, 'out');
      const result = await quantizeModel({ modelDir: model, configPath, outDir: out }, { loadBinding: async () => native.binding });
      const expected = damage[name];
      assert.ok(expected, `no oracle figure ${name}`);
      const hash = await codesHash(out, native.binding, config);
      const quantized = await loadModel(out, { binding: native.binding });
      const measured = await measurePerplexity(quantized, readFileSync(text, 'utf8'), { window: 1024, maxTokens: windows * 1024 });
      const nats = expected.window_nll_nats.slice(0, windows).reduce((sum, window) => sum + window, 0);
      const perplexity = Math.exp(nats / (windows * 1023));
      t.diagnostic(
        `${name}: perplexity of ${windows} windows ${measured.perplexity.toFixed(5)}, oracle ${perplexity.toFixed(5)}, ${result.bitsPerWeight.toFixed(3)} bits/weight, codes ${hash === expected.codes_sha256_int16_le_sorted_names ? 'equal' : 'differ'}`,
      );
      quantized.dispose();
      assert.equal(hash, expected.codes_sha256_int16_le_sorted_names, 'codes of the 56 linears');
      assert.ok(Math.abs(measured.perplexity / perplexity - 1) < relativeTolerance, `perplexity ${measured.perplexity}, oracle ${perplexity}`);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

/** sha256 over the int16 little-endian codes [out, in] of all quantized linears, module names sorted as strings. */
async function codesHash(directory: string, binding: NativeBinding, config: Readonly<Record<string, unknown>>): Promise<string> {
  const mapped = mapCheckpoint(await openCheckpoint(directory), binding);
  const hash = createHash('sha256');
  try {
    const suffix = config['compute_method'] === 'activate_quant' ? '.weight_zero_point' : '.qweight';
    const modules = mapped.checkpoint.names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
    assert.equal(modules.length, 56);
    for (const module of modules.sort()) hash.update(new Uint8Array((await codesOf(mapped, module, binding, String(config['weight_format']))).buffer));
  } finally {
    mapped.close();
  }
  return hash.digest('hex');
}

async function codesOf(mapped: MappedCheckpoint, module: string, binding: NativeBinding, format: string): Promise<Int16Array> {
  const names = new Set(mapped.checkpoint.names);
  if (!names.has(`${module}.qweight`)) return Int16Array.from(new Int8Array(mapped.read(`${module}.weight`).buffer));
  const [rows = 0, cols = 0] = new BigInt64Array(mapped.read(`${module}.weight_shape`).buffer, 0, 2);
  const bits = Number(format.slice(-1)) as 2 | 3 | 4 | 8;
  const stored = await binding.unpackGptq(mapped.bytes(`${module}.qweight`), Number(rows), Number(cols), bits);
  const shift = format.startsWith('uint') ? 0 : 2 ** (bits - 1);
  return Int16Array.from(stored, (code) => code - shift);
}
