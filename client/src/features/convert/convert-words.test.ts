import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversionItem } from './convert-words.ts';

test('a conversion that loses nothing says so', () => {
  assert.deepEqual(conversionItem('Convert to quantization_config (GPTQ)', { losses: [] }), {
    label: 'Convert to quantization_config (GPTQ)',
    detail: 'Nothing is lost.',
    loses: false,
  });
});

test('losses stand below the title, whole', () => {
  const title = 'Convert to quantization_config (GPTQ) (2 settings are lost: The method rtn is not named; ...)';
  assert.deepEqual(conversionItem(title, { losses: ['The method rtn is not named.', 'dialect ("inc") is not said.'] }), {
    label: 'Convert to quantization_config (GPTQ)',
    detail: 'The method rtn is not named. dialect ("inc") is not said.',
    loses: true,
  });
});

test('a server that sends no losses is believed to lose none', () => {
  for (const data of [undefined, null, 'x', { losses: 'x' }, { losses: [7] }]) assert.equal(conversionItem('Convert', data).detail, 'Nothing is lost.');
});
