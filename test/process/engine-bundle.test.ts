// What ships: the bundled engine and command line, started alone.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chat, protocolVersion } from '@quantwright/schemas/rpc/engine';
import { projectRoot, quill, runCli, startEngine } from '../support/engine-process.ts';

const dist = join(projectRoot, 'dist');
const skip = existsSync(join(dist, 'engine.js')) && existsSync(join(dist, 'cli.js')) ? false : 'dist/ is not built: run `npm run build`';

test('the bundled engine finds its addon and answers', { skip }, async (t) => {
  const engine = await startEngine(t, join(dist, 'engine.js'));
  assert.equal(engine.ready.protocol, protocolVersion);
  assert.notEqual(engine.ready.simd, null, engine.ready.simdReason ?? '');
  const result = await engine.connection.sendRequest(chat, {
    modelDir: quill,
    messages: [{ role: 'user', content: 'What is quantization?' }],
    sampling: { temperature: 0, maxTokens: 6 },
  });
  assert.equal(result.text, 'Quantization stores numbers with fewer');
});

test('the bundled command line checks and inspects', { skip }, async () => {
  const entry = join(dist, 'cli.js');
  const checked = await runCli(['check', join(projectRoot, 'examples', 'a8w8.quant.json'), '--runtime', 'quantwright'], { entry });
  assert.deepEqual([checked.code, /0 errors/.test(checked.stdout)], [0, true], checked.stderr);
  assert.equal(JSON.parse((await runCli(['inspect', quill, '--json'], { entry })).stdout).parameters, 15_735_168);
  assert.equal((await runCli(['--version'], { entry })).code, 0);
});
