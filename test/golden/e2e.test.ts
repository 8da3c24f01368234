// Whole models quantized by reference code, and what they answer: through the same job, loader and program that users run.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { logitsOf } from '@quantwright/engine/eval/logits';
import { loadBinding } from '@quantwright/engine/jobs/binding';
import { parseModelConfig } from '@quantwright/engine/model/config';
import { buildBlock } from '@quantwright/engine/model/decoder';
import { loadModel } from '@quantwright/engine/model/load';
import { inputOf, observeSlot } from '@quantwright/engine/model/observations';
import { checkpointWeights } from '@quantwright/engine/model/weights';
import { quantizeModel } from '@quantwright/engine/pipeline/quantize';
import { type GoldenCase, type GoldenTensor, goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { checkGptqModel, isGptqCase } from './e2e-gptq.ts';
import { compareWith, type Tolerance } from './tolerance.ts';

const binding = await loadBinding();
const { cases, whole } = goldenCases('e2e');
let ran = 0;
let passed = 0;

const unquantized: string[] = [];

for (const golden of cases) {
  test(`e2e: ${golden.case}`, async (t) => {
    ran++;
    const tensors = goldenTensors(golden);
    const rule = (name: string): Tolerance => golden.tolerance[name] ?? assert.fail(`no tolerance for ${name}`);
    const modelDir = join(golden.root, String(golden.params['model_dir']));
    await matches(golden, modelDir, tensors, 'logits_fp', { rule: 'allclose', rtol: 1e-3, atol: 1e-3 });
    const stored = golden.params['checkpoint_dir'];
    if (typeof stored === 'string') await matches(golden, join(golden.root, stored), tensors, 'logits_from_checkpoint', rule('logits_from_checkpoint'));
    if (isGptqCase(golden)) {
      await checkGptqModel(binding, golden, modelDir, tensors);
    } else if (tensors.has('in.calib_ids')) {
      // What calibration sees. The methods that need it are compared where they are tested.
      if ('act_scales' in golden.tolerance) await observesAsExpected(t, golden, modelDir, tensors, rule('act_scales'));
      unquantized.push(golden.case);
    } else {
      await matches(golden, await quantized(t, golden, modelDir), tensors, 'logits', rule('logits'));
    }
    passed++;
  });
}

after(() => {
  if (cases.length === 0) console.log('golden e2e: ../shared/golden is absent, nothing ran');
  else
    console.log(
      `golden e2e: ${passed} of ${cases.length} passed (${ran} ran, ${unquantized.length} of them up to what calibration sees${whole ? '; the whole set' : ''})`,
    );
});

/** The config that says what the reference did. */
async function quantized(t: TestContext, golden: GoldenCase, modelDir: string): Promise<string> {
  const { w_bits: bits, a_bits: activationBits, sym, group_size } = golden.params;
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-e2e-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const configPath = join(directory, 'a.quant.json');
  const config = {
    quant_method: 'rtn',
    dialect: 'qllm',
    weight_format: `${sym === true ? 'int' : 'uint'}${bits}`,
    group_size,
    ...(activationBits === 8 ? { compute_method: 'activate_quant' } : {}),
    // The reference keeps its scales in f32.
    scale_type: 'float32',
    save_format: 'quantwright',
  };
  await writeFile(configPath, JSON.stringify(config));
  const outDir = join(directory, 'out');
  await quantizeModel({ modelDir, configPath, outDir }, { loadBinding: async () => binding });
  return outDir;
}

/** Runs the calibration ids through the block programs, each block on the states that the one before gave, and compares the inputs' largest magnitudes. */
async function observesAsExpected(
  t: TestContext,
  golden: GoldenCase,
  modelDir: string,
  tensors: ReadonlyMap<string, GoldenTensor>,
  rule: Tolerance,
): Promise<void> {
  const config = parseModelConfig(await readJsonObject(join(modelDir, 'config.json'), 1e6), 'config.json');
  const mapped = mapCheckpoint(await openCheckpoint(modelDir), binding);
  t.after(() => mapped.close());
  const weights = checkpointWeights(mapped, null, binding);
  const { shape, data } = goldenTensor(tensors, 'in.calib_ids');
  const [sequences = 0, length = 0] = shape;
  const width = config.shape.hiddenSize;
  const table = await mapped.floats('model.embed_tokens.weight');
  let states: readonly Float32Array[] = Array.from({ length: sequences }, (_, sequence) =>
    Float32Array.from(
      { length: length * width },
      (_, at) => table[(data[sequence * length + Math.floor(at / width)] ?? 0) * width + (at % width)] ?? Number.NaN,
    ),
  );
  for (let layer = 0; layer < config.shape.layers; layer++) {
    const program = binding.createProgram(await buildBlock(config, weights, layer, ['absmax']));
    states = await program.runBatch(states.map((input) => ({ session: program.createSession(length, 'f32'), input, rows: 'all' })));
    for (const { kind, module } of config.shape.linears) {
      if (kind === 'lm_head') continue;
      const name = `act_scales.${module.replace('{i}', String(layer))}`;
      const result = compareWith(rule, program.observed(observeSlot(inputOf(kind), 'absmax')) ?? [], goldenTensor(tensors, `out.${name}`).data);
      assert.ok(result.ok, `${golden.case} ${name}: ${result.rule}: ${result.detail}`);
    }
  }
}

async function matches(golden: GoldenCase, modelDir: string, tensors: ReadonlyMap<string, GoldenTensor>, name: string, rule: Tolerance): Promise<void> {
  const model = await loadModel(modelDir, { binding });
  const expected = goldenTensor(tensors, `out.${name}`).data;
  const { shape, data } = goldenTensor(tensors, 'in.input_ids');
  const [count = 0, length = 0] = shape;
  const logits: number[] = [];
  for (let at = 0; at < count; at++) logits.push(...(await logitsOf(model, Int32Array.from(data.subarray(at * length, (at + 1) * length)))));
  const result = compareWith(rule, logits, expected);
  assert.ok(result.ok, `${golden.case} ${name}: ${result.rule}: ${result.detail}`);
}
