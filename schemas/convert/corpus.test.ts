// Files as people published them: what can be converted leads to configs without errors where the source had none.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig } from '../check/check.ts';
import { shared } from '../testing/places.ts';
import { conversionsOf } from './index.ts';

const corpus = shared('corpus');
const skip = corpus === null ? 'the corpus of published configs (../shared/corpus) is not here' : false;

test('published configs are converted without new errors', { skip }, () => {
  const counts = new Map<string, number>();
  const rows = readFileSync(join(corpus ?? '', 'index.tsv'), 'utf8')
    .split('\n')
    .slice(1);
  for (const row of rows.filter((line) => line !== '')) {
    const [file = '', kind = '', , path = ''] = row.split('\t');
    const bare =
      path
        .replace(/[# (].*$/, '')
        .split('/')
        .at(-1) ?? '';
    const fileName = kind.startsWith('hf_config') ? 'config.json' : bare;
    const text = readFileSync(join(corpus ?? '', file), 'utf8');
    const before = checkConfig({ fileName, text, modelConfigText: null, targets: [] });
    const sound = before.findings.every(({ severity }) => severity !== 'error');
    for (const conversion of conversionsOf({ fileName, text, ...before })) {
      counts.set(conversion.id, (counts.get(conversion.id) ?? 0) + 1);
      const after = checkConfig({ fileName: conversion.fileName ?? fileName, text: conversion.text, modelConfigText: null, targets: [] });
      const errors = after.findings.filter(({ severity }) => severity === 'error').map(({ code, message }) => `${code} ${message}`);
      assert.deepEqual(sound ? errors : [], [], `${conversion.id} of ${file}`);
    }
  }
  for (const id of ['gptq-block', 'gptq-file', 'awq-block', 'awq-file', 'quant-json']) {
    assert.ok((counts.get(id) ?? 0) > 0, `${id} was used: ${JSON.stringify([...counts])}`);
  }
});
