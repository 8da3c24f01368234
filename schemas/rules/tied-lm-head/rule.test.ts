// QC018: quantized output matrices of models that tie them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig } from '../../testing/checking.ts';

const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 64, desc_act: false, sym: true };
const config = (own: object, tied = true): object => ({ ...llamaConfig(64, 64), tie_word_embeddings: tied, quantization_config: own });
const place = { file: 'config.json' };
const modelopt = (own: object): object => ({ producer: { name: 'modelopt', version: '0.33.0' }, quantization: { quant_algo: 'FP8', ...own } });
const tiedModel = { ...llamaConfig(64, 64), tie_word_embeddings: true };

test('lm_head true is set to false', () => {
  assert.match(findings('QC018', config({ ...GPTQ, lm_head: true }), place)[0]?.message ?? '', /ties it to its embeddings/);
  assert.deepEqual(fixed('QC018', config({ ...GPTQ, lm_head: true }), place), config({ ...GPTQ, lm_head: false }));
});

test('a list of exceptions without lm_head gets it', () => {
  const beside = { file: 'hf_quant_config.json', model: tiedModel };
  assert.deepEqual(fixed('QC018', modelopt({ exclude_modules: [] }), beside), modelopt({ exclude_modules: ['lm_head'] }));
  assert.deepEqual(fixed('QC018', modelopt({ exclude_modules: ['*router*'] }), beside), modelopt({ exclude_modules: ['*router*', 'lm_head'] }));
});

test('untied models, heads left alone and unknown models are silent', () => {
  assert.deepEqual(findings('QC018', config({ ...GPTQ, lm_head: true }, false), place), []);
  assert.deepEqual(findings('QC018', config(GPTQ), place), []);
  assert.deepEqual(findings('QC018', modelopt({ exclude_modules: ['lm_head'] }), { file: 'hf_quant_config.json', model: tiedModel }), []);
  assert.deepEqual(findings('QC018', modelopt({ exclude_modules: [] }), { file: 'hf_quant_config.json' }), []);
});

test('the class Linear reaches lm_head unless it is ignored', () => {
  const weights = { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 64 };
  const ct = (ignore: readonly string[]): object =>
    config({ quant_method: 'compressed-tensors', format: 'pack-quantized', config_groups: { group_0: { targets: ['Linear'], weights } }, ignore });
  assert.deepEqual(fixed('QC018', ct([]), place), ct(['lm_head']));
  assert.deepEqual(findings('QC018', ct(['re:.*lm_head']), place), []);
});

test('a job of ours is refused: it would have no output matrix to quantize', () => {
  const job = { quant_method: 'rtn', weight_format: 'uint4', group_size: 64, lm_head: true };
  const [found] = findings('QC018', job, { file: 'a.quant.json', model: tiedModel });
  assert.equal(found?.severity, 'error');
  assert.match(found.message, /no output matrix of its own/);
  assert.deepEqual(fixed('QC018', job, { file: 'a.quant.json', model: tiedModel }), { ...job, lm_head: false });
  assert.deepEqual(findings('QC018', job, { file: 'a.quant.json', model: llamaConfig(64, 64) }), []);
});
