// Files as people published them: GPTQ configs are recognised and without errors, files of other tools with the same names stay silent.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '../check/check.ts';
import { shared } from '../testing/places.ts';

interface Row {
  readonly file: string;
  readonly kind: string;
  readonly name: string;
}

const corpus = shared('corpus');
const skip = corpus === null ? 'the corpus of published configs (../shared/corpus) is not here' : false;

function rows(folder: string): readonly Row[] {
  return readFileSync(join(folder, 'index.tsv'), 'utf8')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const [file = '', kind = '', , path = ''] = line.split('\t');
      const name =
        path
          .replace(/[# (].*$/, '')
          .split('/')
          .at(-1) ?? '';
      return { file, kind, name: kind.startsWith('hf_config') ? 'config.json' : name };
    });
}

test('GPTQ files as published are recognised and have no error', { skip }, () => {
  const ours = rows(corpus ?? '').filter(({ kind }) => kind === 'gptq_quantize_config' || kind === 'hf_config_gptq');
  assert.ok(ours.length >= 20);
  for (const { file, name, kind } of ours) {
    const text = readFileSync(join(corpus ?? '', file), 'utf8');
    const { format, findings, recipe } = checkConfig({ fileName: name, text, modelConfigText: null, targets: [] });
    assert.equal(format, kind === 'hf_config_gptq' ? 'hf-gptq' : 'gptq-quantize-config', file);
    assert.deepEqual(
      findings.map((finding) => finding.message),
      [],
      file,
    );
    const written = JSON.parse(text);
    const config = written.quantization_config ?? written;
    assert.deepEqual([recipe?.weights.bits, recipe?.weights.groupSize, recipe?.weights.symmetric], [config.bits, config.group_size, config.sym], file);
  }
});

test('files of other tools and methods are not claimed', { skip }, () => {
  const others = rows(corpus ?? '').filter(({ kind }) => kind !== 'gptq_quantize_config' && kind !== 'hf_config_gptq');
  assert.ok(others.some(({ kind }) => kind === 'negative_same_filename'));
  for (const { file, name } of others) {
    const text = readFileSync(join(corpus ?? '', file), 'utf8');
    const { format, findings } = checkConfig({ fileName: name, text, modelConfigText: null, targets: [] });
    assert.deepEqual({ file, format, findings }, { file, format: null, findings: [] });
  }
});
