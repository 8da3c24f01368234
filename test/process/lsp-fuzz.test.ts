// Two thousand damaged configs through the real server process: it must answer each and stay alive.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot, startLsp, wholeRange } from '../support/lspClient.ts';
import { mutate, pick, randomFrom } from '../support/mutateText.ts';

const total = 2000;
/** Opened at the same time, as an editor with many tabs would. */
const atOnce = 10;
/** One of so many documents is also asked for completion, hover, fixes and outline. */
const featureShare = 4;
const seed = Number(process.env['QUANTWRIGHT_FUZZ_SEED'] ?? 20250131);

interface Sample {
  readonly name: string;
  readonly text: string;
}

function samplesUnder(directory: string): readonly Sample[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .sort()
    .map((path) => ({ name: path.split('/').pop() ?? path, text: readFileSync(join(directory, path), 'utf8') }));
}

/** Names that formats are recognised by; a mutated file gets one of them. */
const fileNames = ['my.quant.json', 'quantize_config.json', 'quant_config.json', 'config.json', 'quantization_config.json', 'ds_config.json'];

test(`${total} mutated configs are all answered, without a crash or a hang`, { timeout: 900_000 }, async (t) => {
  const own = readdirSync(join(projectRoot, 'schemas', 'configs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => samplesUnder(join(projectRoot, 'schemas', 'configs', entry.name, 'examples')));
  const corpus = samplesUnder(join(projectRoot, '..', 'shared', 'corpus'));
  t.diagnostic(
    `seed ${seed} (QUANTWRIGHT_FUZZ_SEED), ${own.length} own examples, ${corpus.length === 0 ? 'no corpus at ../shared/corpus' : `${corpus.length} of the corpus`}`,
  );
  assert.ok(own.length > 0, 'there are examples to mutate');

  const random = randomFrom(seed);
  const samples = [...own, ...corpus];
  const lsp = await startLsp({ settings: { targets: [{ runtime: 'dashinfer', version: null, device: 'nvidia-v100', tensorParallel: 2 }] } });
  let withFindings = 0;

  const one = async (index: number): Promise<void> => {
    // Half of them in the formats that are known: much of the corpus is of formats still to come, and stays silent.
    const sample = pick(random, random() < 0.5 ? own : samples);
    const name = random() < 0.7 ? sample.name : pick(random, fileNames);
    const text = mutate(random, sample.text);
    const offset = Math.floor(random() * (text.length + 1));
    const changed = random() < 0.2 ? mutate(random, text) : null;
    const document = await lsp.open(`file:///fuzz/${index}/${encodeURIComponent(name)}`, text);
    const diagnostics = await document.diagnostics();
    if (diagnostics.length > 0) withFindings += 1;
    for (const { range, message, code } of diagnostics) {
      assert.ok(message !== '' && code !== undefined, 'a diagnostic says what it is');
      assert.ok(
        range.start.line < range.end.line || (range.start.line === range.end.line && range.start.character <= range.end.character),
        'a range is in order',
      );
    }
    // The requests work on the same analysis: asking a part of the documents covers the features at a fraction of the time.
    if (index % featureShare === 0) {
      await document.completion(offset);
      await document.hover(offset);
      await document.codeActions(wholeRange(text), { diagnostics });
      await document.symbols();
    }
    if (changed !== null) {
      await document.change(changed);
      await document.diagnostics();
    }
    await document.close();
  };
  for (let start = 0; start < total; start += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, total - start) }, (_, index) => one(start + index)));
  }

  t.diagnostic(`${withFindings} of ${total} had findings`);
  assert.deepEqual(lsp.errors, [], 'no feature failed on any of them');
  assert.ok(withFindings > total / 10, 'the mutations reach the checks');
  assert.equal(await lsp.stop(), 0);
});
