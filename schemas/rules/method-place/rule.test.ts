// QC004: the method, and where the config stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const GPTQ = { bits: 4, group_size: 128, desc_act: false, sym: true };

test('an unknown method gets the nearest name', () => {
  assert.deepEqual(fixed('QC004', { quant_method: 'instantquant', weight_format: 'int8' }), { quant_method: 'instant_quant', weight_format: 'int8' });
  assert.deepEqual(fixed('QC004', { quant_method: ['smoothqant', 'rtn'], weight_format: 'int8' }), {
    quant_method: ['smoothquant', 'rtn'],
    weight_format: 'int8',
  });
});

test('a missing quant_method in config.json is added', () => {
  assert.deepEqual(fixed('QC004', { quantization_config: GPTQ }, { file: 'config.json' }), { quantization_config: { ...GPTQ, quant_method: 'gptq' } });
});

test('load_in_4bit takes the config over', () => {
  const config = { quantization_config: { ...GPTQ, quant_method: 'gptq', load_in_4bit: true } };
  assert.match(findings('QC004', config, { file: 'config.json' })[0]?.message ?? '', /bitsandbytes/);
  assert.deepEqual(fixed('QC004', config, { file: 'config.json' }), { quantization_config: { ...GPTQ, quant_method: 'gptq' } });
});

test('a config under text_config is moved to the top', () => {
  const own = { ...GPTQ, quant_method: 'gptq' };
  assert.deepEqual(fixed('QC004', { text_config: { hidden_size: 64, quantization_config: own } }, { file: 'config.json' }), {
    text_config: { hidden_size: 64 },
    quantization_config: own,
  });
});
