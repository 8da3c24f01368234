// A calibrated job that is killed again and again, at moments that no event marks, ends with the bytes of one that was left alone. bench/kill-resume.mjs does more of it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { quill, quillText, runCli, startCli } from '../support/engine-process.ts';
import { createWorkspace, hashes } from '../support/engine-workspace.ts';

const gptq = {
  quant_method: 'gptq',
  weight_format: 'int4',
  group_size: 128,
  desc_act: true,
  calibration: { dataset: quillText, samples: 4, sequence_length: 64 },
};

test('gptq survives kills at random moments: every resume goes on, and the bytes are the same', { timeout: 300_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', JSON.stringify(gptq));
  const args = (out: string): string[] => ['quantize', quill, '--config', config, '--out', workspace.path(out), '--json'];
  const begun = performance.now();
  const whole = await runCli(args('whole'));
  assert.equal(whole.code, 0, whole.stderr);
  const milliseconds = performance.now() - begun;
  let kills = 0;
  for (const share of [0.2, 0.35, 0.5].map((most) => most * (0.5 + Math.random() / 2))) {
    const killed = startCli([...args('out'), '--resume']);
    killed.child.stdout?.once('data', () => setTimeout(() => killed.child.kill('SIGKILL'), share * milliseconds));
    const { code } = await killed.result;
    if (code === 0) break; // a fast machine got through
    kills++;
    t.diagnostic(`killed ${Math.round(share * milliseconds)} ms after the plan`);
    assert.ok(existsSync(workspace.path('out.partial')), 'what was done is still there');
  }
  assert.ok(kills > 0);
  if (!existsSync(workspace.path('out'))) assert.equal((await runCli([...args('out'), '--resume'])).code, 0);
  assert.deepEqual(hashes(workspace.path('out')), hashes(workspace.path('whole')));
});

test('another text is another job: what a killed run left is not taken over', { timeout: 300_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', JSON.stringify(gptq));
  const args = ['quantize', quill, '--config', config, '--out', workspace.path('out'), '--json'];
  const killed = startCli(args);
  killed.child.stdout?.on('data', (chunk: Buffer) => {
    if (chunk.toString('utf8').includes('"phase":"calibrate","block":2')) killed.child.kill('SIGKILL');
  });
  await killed.result;
  const text = workspace.write('other.txt', 'Words that have nothing to do with weights, codes or groups of columns at all. '.repeat(200));
  const resumed = await runCli([...args, '--resume', '--calibration', text]);
  assert.equal(resumed.code, 0, resumed.stderr);
  const blocks = resumed.stdout.split('\n').filter((line) => line.includes('"phase":"module","block":0,'));
  assert.ok(blocks.length > 0, 'block 0 was quantized again');
});
