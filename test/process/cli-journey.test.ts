// The command line, end to end on the embedded model: check -> quantize -> inspect -> eval -> compare -> chat, tensor and logits.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { quill, quillText, runCli, startCli } from '../support/engine-process.ts';
import { configs, createWorkspace, hashes } from '../support/engine-workspace.ts';

const lines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('check, quantize, inspect, eval, compare and chat with the result', { timeout: 300_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a16w8.quant.json', configs.a16w8);
  const out = workspace.path('out');

  const checked = await runCli(['check', config, '--runtime', 'quantwright', '--model', quill, '--format', 'json']);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  assert.equal(JSON.parse(checked.stdout).files[0].format, 'quantwright');

  const quantized = await runCli(['quantize', quill, '--config', config, '--out', out, '--json']);
  assert.equal(quantized.code, 0, quantized.stderr);
  const events = lines(quantized.stdout);
  assert.deepEqual([...new Set(events.map((event) => event['event']))], ['progress', 'result']);
  const result = events.at(-1) ?? {};
  const [plan, peak] = [Number(events[0]?.['peakMemoryBytes']), Number(result['peakMemoryBytes'])];
  assert.ok(peak <= plan && plan <= 2.5 * peak, `planned ${plan} bytes, used ${peak}: the plan is an upper bound, and not far above`);
  assert.ok(Number(result['bitsPerWeight']) > 8 && Number(result['bitsPerWeight']) < 8.2, `${result['bitsPerWeight']} bits`);

  const inspected = JSON.parse((await runCli(['inspect', out, '--json'])).stdout);
  assert.deepEqual([inspected.parameters, inspected.hasChatTemplate, inspected.contextLength], [15_735_168, true, 1024]);

  const evaluated = await runCli(['eval', 'ppl', out, '--text', quillText, '--max-tokens', '2048', '--json', '--no-run']);
  const base = await runCli(['eval', 'ppl', quill, '--text', quillText, '--max-tokens', '2048', '--json', '--no-run']);
  const ratio = JSON.parse(evaluated.stdout).perplexity / JSON.parse(base.stdout).perplexity;
  assert.ok(Math.abs(ratio - 1) < 0.01, `8-bit weights change the perplexity by the factor ${ratio}`);

  const compared = JSON.parse(
    (await runCli(['compare', quill, out, '--text', quillText, '--max-tokens', '1024', '--divergence-tokens', '256', '--json', '--no-run'])).stdout,
  );
  assert.equal(compared.models[0].divergence, null);
  assert.ok(compared.models[1].divergence.meanNats < 0.01 && compared.models[1].divergence.top1Agreement > 0.95, JSON.stringify(compared.models[1].divergence));

  const answered = await runCli(['chat', out, '--prompt', 'What is quantization?', '--max-tokens', '40', '--json']);
  assert.match(JSON.parse(answered.stdout).text, /^Quantization stores numbers with fewer bits/);
  const talked = await runCli(['chat', out], { input: 'What is quantization?\n/new\nWhat is a zero point?\n' });
  assert.equal(talked.code, 0, talked.stderr);
  assert.match(talked.stdout, /fewer bits[\s\S]*zero point/);
});

test('Ctrl+C ends quantize with 130 and leaves nothing', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w4g32);
  const running = startCli(['quantize', quill, '--config', config, '--out', workspace.path('out'), '--json']);
  running.child.stdout?.once('data', () => running.child.kill('SIGINT'));
  const { code, stdout } = await running.result;
  assert.equal(code, 130);
  assert.equal(lines(stdout).at(-1)?.['event'], 'cancelled');
  assert.deepEqual([existsSync(workspace.path('out')), existsSync(workspace.path('out.partial'))], [false, false]);
});

test('a killed job goes on after the last finished block, and the result is byte-identical', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w4g32);
  const args = (out: string): string[] => ['quantize', quill, '--config', config, '--out', workspace.path(out), '--json'];
  const killed = startCli(args('out'));
  killed.child.stdout?.on('data', (chunk: Buffer) => {
    if (chunk.toString('utf8').includes('"block":4')) killed.child.kill('SIGKILL');
  });
  await killed.result;
  assert.equal(existsSync(workspace.path('out.partial')), true, 'what was done is still there');
  const resumed = await runCli([...args('out'), '--resume']);
  assert.equal(resumed.code, 0, resumed.stderr);
  const modules = lines(resumed.stdout).filter((event) => event['phase'] === 'module');
  assert.ok(modules.length < 56 && modules.length > 0, `${modules.length} modules were quantized again`);
  const whole = await runCli(args('whole'));
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(hashes(workspace.path('out')), hashes(workspace.path('whole')));
  const measured = (text: string): unknown => lines(text).at(-1)?.['modules'];
  assert.deepEqual(measured(resumed.stdout), measured(whole.stdout), 'the report covers the blocks of both runs');
});

test('logits and tensor write safetensors that can be read again', async (t) => {
  const workspace = createWorkspace(t);
  const logits = await runCli(['logits', quill, '--tokens', workspace.write('ids.json', '[1, 5, 9]'), '--out', workspace.path('logits.safetensors'), '--json']);
  assert.equal(logits.code, 0, logits.stderr);
  assert.deepEqual(JSON.parse(logits.stdout).tensors, [{ name: 'logits', dtype: 'F32', shape: [3, 8192] }]);
  const matrix = workspace.path('w.safetensors');
  const header = JSON.stringify({ weight: { dtype: 'F32', shape: [2, 48], data_offsets: [0, 384] } }).padEnd(72);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const weight = Float32Array.from({ length: 96 }, (_, index) => Math.sin(index));
  writeFileSync(matrix, Buffer.concat([prefix, Buffer.from(header), Buffer.from(weight.buffer)]));
  const tensor = await runCli(['tensor', matrix, '--config', workspace.write('a.quant.json', configs.a16w4g32), '--out', workspace.path('q.safetensors')]);
  assert.equal(tensor.code, 0, tensor.stderr);
  const metrics = JSON.parse(tensor.stdout);
  assert.deepEqual([metrics.rows, metrics.cols, metrics.groups, metrics.dialect], [2, 48, 2, 'instant_quant']);
  assert.ok(metrics.sqnrDb > 20 && metrics.maxAbsError < 0.1, JSON.stringify(metrics));
  const inspected = JSON.parse((await runCli(['inspect', workspace.path('q.safetensors'), '--json'])).stdout);
  assert.deepEqual(
    inspected.tensors.map((row: { name: string }) => row.name),
    ['codes', 'dequantized', 'scales', 'zeros'],
  );
  assert.equal(readFileSync(matrix).length, 8 + header.length + 384, 'the input is untouched');
});
