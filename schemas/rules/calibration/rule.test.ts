// QC019: data that is gone, too little or too long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig } from '../../testing/checking.ts';

const GPTQ = { quant_method: 'gptq', weight_format: 'uint4', group_size: 64 };
const data = (own: object): object => ({ ...GPTQ, calibration: { dataset: 'calib.txt', ...own } });
const model = { ...llamaConfig(64, 64), max_position_embeddings: 1024 };

test('removed datasets get one that is there', () => {
  const own = { quant_method: 'gptq', bits: 4, group_size: 64, desc_act: false, sym: true };
  const config = (dataset: string): object => ({ ...llamaConfig(64, 64), quantization_config: { ...own, dataset } });
  assert.match(findings('QC019', config('ptb'), { file: 'config.json' })[0]?.message ?? '', /ptb and ptb-new were removed/);
  assert.deepEqual(fixed('QC019', config('ptb'), { file: 'config.json' }), config('wikitext2'));
  assert.deepEqual(findings('QC019', config('c4'), { file: 'config.json' }), []);
});

test('a config of ours without a text is told so', () => {
  const [finding] = findings('QC019', GPTQ);
  assert.deepEqual([finding?.severity, finding?.path], ['information', ['quant_method']]);
  assert.match(finding?.message ?? '', /gptq needs text.*--calibration/);
  assert.deepEqual(findings('QC019', { ...GPTQ, quant_method: 'rtn' }), []);
  assert.match(findings('QC019', { quant_method: 'w8a8_static' })[0]?.message ?? '', /w8a8_static needs text/);
  assert.deepEqual(findings('QC019', { quant_method: 'zeroquant' }), []);
  assert.match(findings('QC019', { quant_method: 'zeroquant', zeroquant: { lkd: {} } })[0]?.message ?? '', /zeroquant with lkd needs text/);
});

test('few samples are a hint', () => {
  assert.equal(findings('QC019', data({ samples: 16 }))[0]?.severity, 'hint');
  assert.deepEqual(fixed('QC019', data({ samples: 16 })), data({ samples: 128 }));
});

test('samples beyond the positions of the model are cut to them', () => {
  assert.match(findings('QC019', data({ sequence_length: 4096 }), { model })[0]?.message ?? '', /4096 tokens are longer than the 1024 positions/);
  assert.deepEqual(fixed('QC019', data({ sequence_length: 4096 }), { model }), data({ sequence_length: 1024 }));
});

test('enough samples of a fitting length, methods without data and unknown models are silent', () => {
  assert.deepEqual(findings('QC019', data({ samples: 128, sequence_length: 1024 }), { model }), []);
  assert.deepEqual(findings('QC019', data({ sequence_length: 4096 })), []);
  assert.deepEqual(findings('QC019', { quant_method: 'rtn', weight_format: 'int8' }, { model }), []);
});
