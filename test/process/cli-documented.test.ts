// docs/cli.md as the oracle: what it shows as the JSON of `eval ppl` and `compare` has exactly the fields and types that the commands print, and the
// relations that it states hold.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot, quill, quillText, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

const page = readFileSync(join(projectRoot, 'docs', 'cli.md'), 'utf8');

/** The first JSON block after some words of the page. */
function shownAfter(words: string): unknown {
  const at = page.indexOf(words);
  assert.notEqual(at, -1, `docs/cli.md says "${words}"`);
  const block = /```json\n([\s\S]*?)```/.exec(page.slice(at));
  return JSON.parse(block?.[1] ?? '');
}

/** Names and types, nested. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

test('eval ppl --json is what the page shows', async () => {
  const { stdout, stderr } = await runCli(['eval', 'ppl', quill, '--text', quillText, '--max-tokens', '2048', '--json', '--no-run']);
  const result = JSON.parse(stdout || stderr);
  const shown = shownAfter('`eval ppl --json` prints') as typeof result;
  assert.deepEqual(shapeOf(result), shapeOf(shown));
  assert.equal(result.perplexity, Math.exp(result.totalNats / result.predictedTokens));
  assert.ok(Math.abs(result.bitsPerByte - result.totalNats / Math.LN2 / result.predictedBytes) < 1e-12);
  for (const key of ['predictedTokens', 'predictedBytes', 'windows', 'window', 'stride']) assert.equal(result[key], shown[key], key);
  assert.ok(Math.abs(result.perplexity / shown.perplexity - 1) < 1e-3, `${result.perplexity} where the page shows ${shown.perplexity}`);
});

test('compare --json is what the page shows', async (t) => {
  const workspace = createWorkspace(t);
  const out = workspace.path('out');
  const quantized = await runCli(['quantize', quill, '--config', workspace.write('a.quant.json', configs.a16w4g32), '--out', out]);
  assert.equal(quantized.code, 0, quantized.stderr);
  const { stdout, stderr } = await runCli(['compare', quill, out, '--text', quillText, '--max-tokens', '2048', '--json', '--no-run']);
  const result = JSON.parse(stdout || stderr);
  const shown = shownAfter('`compare --json` prints') as typeof result;
  assert.deepEqual(shapeOf(result), shapeOf(shown));
  for (const index of [0, 1]) {
    const [measured, documented] = [result.models[index], shown.models[index]];
    assert.equal(measured.quantization, documented.quantization);
    for (const key of ['fileBytes', 'bitsPerWeight', 'weightBytes', 'perplexity', 'perplexityRatio']) {
      assert.ok(Math.abs(measured[key] / documented[key] - 1) < 2e-3, `${key}: ${measured[key]} where the page shows ${documented[key]}`);
    }
  }
  assert.equal(result.models[1].divergence.tokens, shown.models[1].divergence.tokens, '--max-tokens holds for the divergence too');
});
