// Conversions between layouts keep every code, scale and zero point, there and back; what a layout cannot hold is refused with why and what could.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { ConvertParams, ConvertResult } from '@quantwright/schemas/rpc/engine';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { ownTarget } from '../pipeline/judge.ts';
import { convertModel } from './convert.ts';
import { exactHalf } from './fit.ts';
import { type Grid, gridsOf, tinyLlama, writeQuantized } from './testing/quantized-model.ts';

const binding = await loadBinding();
const ids = Int32Array.from({ length: 12 }, (_, index) => (index * 17 + 3) % 64);

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-convert-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function convert(modelPath: string, to: ConvertParams['to'], outDir: string): Promise<ConvertResult> {
  return convertModel({ modelPath, to, outDir, overwrite: true }, { loadBinding: async () => binding });
}

async function source(directory: string, format: Parameters<typeof writeQuantized>[2], grid: Grid): Promise<string> {
  await rm(directory, { recursive: true, force: true });
  await import('node:fs/promises').then(({ mkdir }) => mkdir(directory));
  await writeQuantized(binding, directory, format, grid);
  return directory;
}

const grids = fc.record({
  bits: fc.constantFrom(2 as const, 3 as const, 4 as const, 8 as const),
  groupSize: fc.constantFrom(-1, 16, 32),
  zeros: fc.constantFrom('middle' as const, 'integer' as const),
  signed: fc.constant(false),
  descAct: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1_000_000 }),
});
const targets = ['gptq', 'gptq_v2', 'awq', 'compressed-tensors', 'quantwright'] as const;

test('codes, scales and zero points survive any two conversions, or the first is refused', async (t) => {
  const directory = await temporary(t);
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(grids, fc.constantFrom(...targets), fc.constantFrom(...targets), async (given, there, back) => {
      const grid = { ...given, descAct: given.descAct && given.groupSize !== -1 };
      const model = await source(join(directory, 'a'), 'gptq_v2', grid);
      const before = await gridsOf(binding, model);
      const [first, second] = [join(directory, 'b'), join(directory, 'c')];
      const refusals = { awq: grid.bits === 8 || grid.descAct, 'compressed-tensors': false };
      const refused = (format: string): boolean => refusals[format as keyof typeof refusals] === true;
      if (refused(there)) {
        await assert.rejects(
          convert(model, there, first),
          (error) => error instanceof EngineError && error.kind === 'config' && /--to gptq/.test(error.message),
        );
        return;
      }
      await convert(model, there, first);
      assert.deepEqual(await gridsOf(binding, first), before);
      seen.set(there, (seen.get(there) ?? 0) + 1);
      if (refused(back)) return;
      await convert(first, back, second);
      assert.deepEqual(await gridsOf(binding, second), before);
    }),
    { numRuns: 60 },
  );
  t.diagnostic(`conversions from gptq_v2: ${JSON.stringify(Object.fromEntries(seen))}`);
  assert.deepEqual([...seen.keys()].sort(), [...targets].sort());
});

test('the converted model is whole: the same logits, the other files, and a config that the check finds nothing wrong with', async (t) => {
  const directory = await temporary(t);
  const grid: Grid = { bits: 4, groupSize: 32, zeros: 'integer', signed: false, descAct: false, seed: 5 };
  const model = await source(join(directory, 'model'), 'gptq', grid);
  await writeFile(join(model, 'tokenizer.json'), '{"model": {}}');
  await writeFile(join(model, 'generation_config.json'), '{"eos_token_id": 2}');
  await writeFile(join(model, 'chat_template.jinja'), '{{ messages }}');
  await writeFile(join(model, 'LICENSE'), 'terms');
  const wanted = await logitsOf(await loadModel(model, { binding }), ids);
  for (const to of targets) {
    const out = join(directory, to);
    const result = await convert(model, to, out);
    assert.deepEqual(await logitsOf(await loadModel(out, { binding }), ids), wanted, to);
    assert.deepEqual((await readdir(out)).sort(), [
      'LICENSE',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    const text = await readFile(join(out, 'config.json'), 'utf8');
    const { findings } = checkConfig({ fileName: join(out, 'config.json'), text, modelConfigText: null, targets: [ownTarget] });
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'error' || severity === 'warning').map(({ code, message }) => `${code} ${message}`),
      [],
      to,
    );
    assert.deepEqual(result.linears, [{ form: '4-bit codes, groups of 32', modules: 14 }]);
    const { quantization_config: _, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, tinyLlama);
  }
});

test('what a layout cannot hold is refused before anything is written, by module, with what would hold it', async (t) => {
  const directory = await temporary(t);
  const out = join(directory, 'out');
  const refused = async (format: Parameters<typeof source>[1], grid: Partial<Grid>, to: ConvertParams['to'], words: RegExp): Promise<void> => {
    const model = await source(join(directory, 'model'), format, { bits: 4, groupSize: 32, zeros: 'integer', signed: false, descAct: false, seed: 1, ...grid });
    await assert.rejects(convert(model, to, out), words);
    assert.deepEqual(await readdir(directory), ['model']);
  };
  await refused(
    'gptq',
    { bits: 8 },
    'awq',
    /self_attn\.q_proj, .* and 9 more: 8-bit codes do not fit into its 4-bit ones\. What holds all .*: --to gptq, --to gptq_v2/,
  );
  await refused('gptq', { descAct: true }, 'awq', /groups follow activation order \(g_idx\)/);
  await refused('quantwright', { zeros: 'fractional' }, 'gptq', /zero points are fractions, and the layout holds whole ones\. .*--to quantwright/);
});

test('a model without quantized linears is told from one', async (t) => {
  const directory = await temporary(t);
  const model = await source(join(directory, 'model'), 'gptq', { bits: 4, groupSize: 32, zeros: 'middle', signed: false, descAct: false, seed: 1 });
  const { quantization_config: _, ...config } = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
  await writeFile(join(model, 'config.json'), JSON.stringify(config));
  await assert.rejects(convert(model, 'awq', join(directory, 'out')), /is quantized, but config\.json has no quantization_config/);
});

test('what is exact in 16 bits is told from what is not', () => {
  const half = (bits: number): number => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  };
  const exact = new Set<number>();
  for (let bits = 0; bits < 0x10000; bits++) if (((bits >> 10) & 31) !== 31) exact.add(half(bits));
  for (const value of exact) assert.ok(exactHalf(value), String(value));
  fc.assert(fc.property(fc.float({ noNaN: true }), (value) => assert.equal(exactHalf(value), exact.has(value))));
});

test('a GPTQ checkpoint of 8 bits becomes A8W8, per channel and by group, and weight-only again', async (t) => {
  const directory = await temporary(t);
  for (const groupSize of [-1, 32]) {
    const model = await source(join(directory, 'a'), 'gptq_v2', { bits: 8, groupSize, zeros: 'integer', signed: false, descAct: false, seed: 5 });
    const [integers, floats] = [join(directory, 'b'), join(directory, 'c')];
    const made = await convertModel(
      { modelPath: model, to: 'quantwright', outDir: integers, overwrite: true, computeMethod: 'activate_quant' },
      { loadBinding: async () => binding },
    );
    assert.match(made.linears[0]?.form ?? '', /integer activations/);
    assert.deepEqual(await gridsOf(binding, integers), await gridsOf(binding, model));
    const [wanted, got] = await Promise.all([model, integers].map(logits));
    const error = Math.sqrt(sum(wanted, (value, at) => (value - (got?.[at] ?? 0)) ** 2) / sum(wanted, (value) => value ** 2));
    assert.ok(error > 1e-5 && error < 0.02, `activations of 8 bits move the logits by ${error}`);
    await convertModel(
      { modelPath: integers, to: 'quantwright', outDir: floats, overwrite: true, computeMethod: 'weight_only' },
      { loadBinding: async () => binding },
    );
    assert.deepEqual(await logits(floats), wanted);
  }
  await assert.rejects(
    convertModel(
      { modelPath: join(directory, 'a'), to: 'gptq', outDir: join(directory, 'd'), computeMethod: 'activate_quant' },
      { loadBinding: async () => binding },
    ),
    /--to gptq cannot say that activations are quantized/,
  );
});

async function logits(modelDir: string): Promise<Float32Array> {
  const model = await loadModel(modelDir, { binding });
  try {
    return Float32Array.from(await logitsOf(model, ids));
  } finally {
    model.dispose();
  }
}

function sum(values: Float32Array | undefined, of: (value: number, at: number) => number): number {
  return (values ?? new Float32Array()).reduce((total, value, at) => total + of(value, at), 0);
}
