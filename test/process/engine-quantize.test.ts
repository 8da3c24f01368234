// The engine over stdio: handshake, quantize with progress, cancel, refusals, and how it ends.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { doctor, inspect, protocolVersion, type QuantizeProgress, quantize, quantizeProgress, shutdown } from '@quantwright/schemas/rpc/engine';
import { type EngineErrorData, engineErrorCode } from '@quantwright/schemas/rpc/errors';
import { CancellationTokenSource, ResponseError } from 'vscode-jsonrpc';
import { projectRoot, quill, startEngine } from '../support/engine-process.ts';
import { configs, createWorkspace, hashes } from '../support/engine-workspace.ts';

/** The error of a request that must fail. */
async function failure(request: Promise<unknown>): Promise<ResponseError<EngineErrorData>> {
  const outcome = await request.then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof ResponseError, `the request should have failed, it gave ${String(outcome)}`);
  return outcome;
}

test('the first message is the handshake, with the version of package.json and the instruction set', async (t) => {
  const engine = await startEngine(t);
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  assert.deepEqual([engine.ready.protocol, engine.ready.version, engine.ready.pid], [protocolVersion, version, engine.child.pid]);
  assert.match(engine.ready.simd ?? '', /^(serial|avx2|avxvnni|avx512|avx512vnni|amx|neon|neondot)$/, engine.ready.simdReason ?? '');
  assert.match(engine.ready.cudaReason ?? '', /CUDA/);
  const report = await engine.connection.sendRequest(doctor);
  assert.equal(report.cpu?.simd, engine.ready.simd);
});

test('quantize reports the plan, then every module with falling time left, and makes a whole model', async (t) => {
  const engine = await startEngine(t);
  const workspace = createWorkspace(t);
  const events: QuantizeProgress[] = [];
  engine.connection.onProgress(quantizeProgress, 'job', (event) => void events.push(event));
  const out = workspace.path('out');
  const params = { modelDir: quill, configPath: workspace.write('a.quant.json', configs.a16w4g32), outDir: out };
  const result = await engine.connection.sendRequest(quantize, { ...params, progressToken: 'job' });

  assert.deepEqual(
    events.map((event) => event.phase),
    ['plan', ...Array(56).fill('module'), 'write'],
  );
  const modules = events.flatMap((event) => (event.phase === 'module' ? [event] : []));
  assert.deepEqual(
    modules.map((event) => event.index),
    modules.map((_, index) => index),
  );
  assert.equal(modules.at(-1)?.bytesDone, modules.at(-1)?.bytesTotal);
  assert.equal(modules.at(-1)?.etaSeconds, 0);
  assert.deepEqual(
    modules.map((event) => event.block),
    [...modules.map((event) => event.block)].sort((a, b) => a - b),
    'blocks come in order',
  );

  assert.equal(result.modules.length, 56);
  // 4 bits, and a 16-bit scale and zero for 32 weights; weight_shape adds a trace.
  assert.ok(Math.abs(result.bitsPerWeight - 5) < 0.01, `${result.bitsPerWeight} bits`);
  assert.equal(existsSync(`${out}.partial`), false);
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  assert.equal(config.quantization_config.quant_method, 'quantwright');
  assert.deepEqual(readdirSync(out).sort(), [
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  const inspected = await engine.connection.sendRequest(inspect, { path: out });
  assert.equal(inspected.parameters, 15_735_168);
  assert.ok(Math.abs(inspected.bitsPerWeight - result.bitsPerWeight) < 1e-9);

  const again = workspace.path('again');
  await engine.connection.sendRequest(quantize, { ...params, outDir: again });
  assert.deepEqual(hashes(again), hashes(out), 'equal inputs give equal files');
});

test('cancel between modules answers as cancelled and leaves nothing behind', async (t) => {
  const engine = await startEngine(t);
  const workspace = createWorkspace(t);
  const configPath = workspace.write('a.quant.json', configs.a16w8);
  const before = readdirSync(workspace.root);
  const cancel = new CancellationTokenSource();
  let modulesSeen = 0;
  engine.connection.onProgress(quantizeProgress, 'job', (event) => {
    if (event.phase === 'module') modulesSeen++;
    if (modulesSeen === 2) cancel.cancel();
  });
  const request = engine.connection.sendRequest(
    quantize,
    { modelDir: quill, configPath, outDir: workspace.path('deep/out'), progressToken: 'job' },
    cancel.token,
  );
  const error = await failure(request);
  assert.equal(error.code, -32800);
  assert.ok(modulesSeen < 56, 'it stopped before the end');
  assert.deepEqual(readdirSync(workspace.root), before);
});

test('a refused config has the codes and words of the check service, and no output', async (t) => {
  const engine = await startEngine(t);
  const workspace = createWorkspace(t);
  const text = JSON.stringify({ ...configs.a8w8, save_format: 'awq' });
  const configPath = workspace.write('bad.quant.json', text);
  const { findings } = checkConfig({
    fileName: configPath,
    text,
    modelConfigText: readFileSync(join(quill, 'config.json'), 'utf8'),
    targets: [{ runtime: 'quantwright', version: null, device: null, tensorParallel: 1 }],
  });
  const expected = findings.filter((finding) => finding.severity === 'error').map(({ code, message }) => ({ code, message }));
  const error = await failure(engine.connection.sendRequest(quantize, { modelDir: quill, configPath, outDir: workspace.path('out') }));
  assert.deepEqual([error.code, error.data?.kind], [engineErrorCode, 'config']);
  assert.ok(expected.length > 0, 'the config must be a bad one');
  assert.deepEqual(error.data?.findings, expected);
  assert.equal(existsSync(workspace.path('out')), false);
});

test('wrong paths are kind input, damaged models kind checkpoint, and the engine goes on', async (t) => {
  const engine = await startEngine(t);
  const workspace = createWorkspace(t);
  const configPath = workspace.write('a.quant.json', configs.a16w8);
  const outDir = workspace.path('out');
  const missing = await failure(engine.connection.sendRequest(quantize, { modelDir: workspace.path('no-model'), configPath, outDir }));
  assert.equal(missing.data?.kind, 'input');
  assert.match(missing.message, /no-model/);
  const device = await failure(engine.connection.sendRequest(quantize, { modelDir: quill, configPath, outDir, device: 'cuda:0' }));
  assert.equal(device.data?.kind, 'input');
  const damaged = workspace.write('model/config.json', readFileSync(join(quill, 'config.json'), 'utf8'));
  workspace.write('model/model.safetensors', 'not weights');
  const broken = await failure(engine.connection.sendRequest(quantize, { modelDir: join(damaged, '..'), configPath, outDir }));
  assert.equal(broken.data?.kind, 'checkpoint');
  assert.match(broken.data?.file ?? '', /model\.safetensors$/);
  assert.equal(existsSync(outDir), false);
  assert.equal((await engine.connection.sendRequest(inspect, { path: quill })).architecture, 'LlamaForCausalLM');
});

test('shutdown answers and ends the process; so does a parent that goes away', async (t) => {
  const asked = await startEngine(t);
  assert.equal(await asked.connection.sendRequest(shutdown), null);
  assert.deepEqual(await asked.exited, { code: 0, signal: null });
  const orphan = await startEngine(t);
  orphan.child.stdin?.end();
  assert.deepEqual(await orphan.exited, { code: 0, signal: null });
});
