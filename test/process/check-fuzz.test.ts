// Eighteen thousand damaged documents through the check service itself, fixes included; the two thousand of lsp-fuzz go through the real server.
// It must answer each: no exception, no place outside the text, and no hang (the time limit of the test).
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { CheckInput } from '@quantwright/schemas/check/types';
import { applyEdits } from '@quantwright/schemas/document/edit';
import { languageOf } from '@quantwright/schemas/document/parse';
import { devices } from '@quantwright/schemas/hardware/devices';
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { Target } from '@quantwright/schemas/hardware/target';
import { projectRoot } from '../support/lspClient.ts';
import { mutate, pick, type Random, randomFrom } from '../support/mutateText.ts';

const total = 18_000;
const seed = Number(process.env['QUANTWRIGHT_FUZZ_SEED'] ?? 20261123);

interface Sample {
  readonly name: string;
  readonly text: string;
}

function samplesUnder(directory: string): readonly Sample[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(json|ya?ml)$/.test(path) && !path.endsWith('schema.json'))
    .sort()
    .map((path) => ({ name: path.split('/').pop() ?? path, text: readFileSync(join(directory, path), 'utf8') }));
}

function targetsFrom(random: Random): readonly Target[] {
  const count = Math.floor(random() * 3);
  return Array.from({ length: count }, () => ({
    runtime: pick(random, runtimes).id,
    version: pick(random, [null, null, '0.10', '0.14', '2.0', 'x.y']),
    device: pick(random, [null, ...devices.map(({ id }) => id)]),
    tensorParallel: pick(random, [1, 1, 2, 4, 8, 32]),
  }));
}

/** Checks, and applies one of the fixes. Returns the number of findings. */
function check(input: CheckInput, random: Random): number {
  const { findings } = checkConfig(input);
  for (const { range, message, code } of findings) {
    assert.ok(message !== '' && /^QC\d{3}$/.test(code), `${code} ${message}`);
    assert.ok(range.start >= 0 && range.start <= range.end && range.end <= input.text.length, `${code} ${message} at ${range.start}..${range.end}`);
  }
  const fixes = findings.flatMap((finding) => finding.fixes);
  if (fixes.length > 0) {
    const after = applyEdits(input.text, pick(random, fixes).edits, languageOf(input.fileName));
    checkConfig({ ...input, text: after });
  }
  return findings.length;
}

const modelConfigs = [null, 'models/quill-16m/config.json'].map((path) => (path === null ? null : readFileSync(join(projectRoot, path), 'utf8')));

test(`${total} mutated documents of every format are checked and fixed without an exception or a hang`, { timeout: 900_000 }, (t) => {
  const own = samplesUnder(join(projectRoot, 'schemas', 'configs'));
  const corpus = samplesUnder(join(projectRoot, '..', 'shared', 'corpus'));
  assert.ok(own.length > 0, 'there are examples to mutate');
  const random = randomFrom(seed);
  const samples = [...own, ...corpus];
  const names = [...new Set(samples.map(({ name }) => name)), 'config.json', 'quantization_config.json', 'hf_quant_config.json', 'recipe.yaml'];
  let withFindings = 0;
  for (let index = 0; index < total; index += 1) {
    const sample = pick(random, samples);
    const input: CheckInput = {
      fileName: random() < 0.8 ? sample.name : pick(random, names),
      text: mutate(random, sample.text),
      modelConfigText: pick(random, modelConfigs),
      targets: targetsFrom(random),
    };
    try {
      withFindings += check(input, random) > 0 ? 1 : 0;
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`${why}\nseed ${seed}, document ${index}, ${input.fileName}, targets ${JSON.stringify(input.targets)}\n${input.text.slice(0, 2000)}`, {
        cause: error,
      });
    }
  }
  t.diagnostic(`seed ${seed}, ${own.length} own examples, ${corpus.length} of the corpus; ${withFindings} of ${total} had findings`);
  assert.ok(withFindings > total / 10, 'the mutations reach the checks');
});

test('damaged hf_quant_config.json files of 3 MB are checked, each in seconds at the most', { timeout: 600_000 }, () => {
  const layers: Record<string, unknown> = {};
  for (let layer = 0; layer < 61; layer += 1)
    for (let expert = 0; expert < 256; expert += 1)
      for (const name of ['gate_proj', 'up_proj']) layers[`model.layers.${layer}.mlp.experts.${expert}.${name}`] = { quant_algo: 'NVFP4', group_size: 16 };
  const whole = JSON.stringify(
    {
      producer: { name: 'modelopt', version: '0.29.0' },
      quantization: { quant_algo: 'MIXED_PRECISION', kv_cache_quant_algo: 'FP8', quantized_layers: layers },
    },
    null,
    2,
  );
  assert.ok(whole.length > 3e6);
  const random = randomFrom(seed);
  const damages: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => text.slice(0, Math.floor(random() * text.length)),
    (text) => text.replaceAll('"group_size": 16', '"group_size": "16"'),
    (text) => text.replaceAll('"quant_algo": "NVFP4"', '"quant_algo": "NVFP5"'),
    (text) => text.replaceAll('group_size', 'group_sise'),
    (text) => text.replaceAll(',\n', '\n'),
    (text) => text.replaceAll('"', "'"),
    (text) => text.replaceAll('}', '},'),
    (text) => text.replaceAll('{', '{ // a comment\n'),
    (text) => text.slice(0, 1e6) + '['.repeat(1e5) + text.slice(1e6),
  ];
  for (const damage of damages) {
    const text = damage(whole);
    const { findings } = checkConfig({ fileName: 'hf_quant_config.json', text, modelConfigText: null, targets: targetsFrom(random) });
    for (const { range } of findings) assert.ok(range.end <= text.length);
  }
});
