// `search` for SmoothQuant's alpha: what it finds is an ordinary config, and its curve the same one that a job writes beside the weights.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { quill, quillText, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

const calibration = { dataset: quillText, samples: 8, sequence_length: 48 };

test('search and quantize find the same alpha, with the same curve', async (t) => {
  const workspace = createWorkspace(t);
  const asked = { quant_method: 'smoothquant', smoothquant: { alpha: 'auto', alphas: [0.4, 0.6, 0.8] }, calibration };
  const config = workspace.write('a.quant.json', JSON.stringify(asked));
  const [found, out] = [workspace.path('found.quant.json'), workspace.path('out')];
  const searched = await runCli(['search', quill, '--config', config, '--out', found, '--json']);
  assert.equal(searched.code, 0, searched.stderr);
  const { alphas } = JSON.parse(searched.stdout.trim().split('\n').at(-1) ?? '');
  const quantized = await runCli(['quantize', quill, '--config', config, '--out', out]);
  assert.equal(quantized.code, 0, quantized.stderr);
  assert.deepEqual(JSON.parse(readFileSync(join(out, 'smoothquant-alphas.json'), 'utf8')), alphas);
  assert.deepEqual(JSON.parse(readFileSync(found, 'utf8')).smoothquant, { alpha: alphas.chosen });
  for (const { alpha, perplexity } of alphas.alphas) assert.ok(quantized.stdout.includes(`${alpha.toFixed(2)} ${perplexity.toFixed(4)}`), quantized.stdout);
});

test('a config that asks for no search is told what one needs', async (t) => {
  const workspace = createWorkspace(t);
  const result = await runCli(['search', quill, '--config', workspace.write('a.quant.json', configs.a16w8), '--out', workspace.path('found')]);
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /a search needs "quant_method": "auto" and "target_bits", or smoothquant with "alpha": "auto"/);
});
