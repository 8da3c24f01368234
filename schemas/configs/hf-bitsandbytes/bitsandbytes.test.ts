// bitsandbytes: which files are its own, what only the text tells, and the recipe.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';
import type { CheckResult } from '../../check/types.ts';
import { findings, fixed } from '../../testing/checking.ts';

function check(config: unknown, fileName = 'config.json'): CheckResult {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return checkConfig({ fileName, text, modelConfigText: null, targets: [] });
}

const NF4 = { load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_compute_dtype: 'bfloat16' };

test('a switch alone makes it bitsandbytes; another method beside it stays itself', () => {
  assert.equal(check({ quantization_config: NF4 }).format, 'hf-bitsandbytes');
  assert.equal(check(NF4, 'bnb_config.json').format, 'hf-bitsandbytes');
  assert.equal(check({ quantization_config: { ...NF4, quant_method: 'awq', bits: 4, group_size: 128 } }).format, 'hf-awq');
  assert.equal(check({ load_in_4bit: true, learning_rate: 0.1 }, 'training.json').format, null);
  assert.equal(check({ load_in_4bit: 'yes', bnb_4bit_quant_type: 'nf4' }, 'form.json').format, null);
});

test('an int where a float must stand is found in the text, and only there', () => {
  const text = (threshold: string): string => `{"load_in_8bit": true, "llm_int8_threshold": ${threshold}}`;
  for (const float of ['6.0', '6e0', '6.5', '0.0', '60.0']) {
    assert.deepEqual(findings('QC013', text(float), { file: 'bnb.json' }), [], float);
  }
  for (const int of ['6', '0', '-1', '10']) {
    const [finding] = findings('QC013', text(int), { file: 'bnb.json' });
    assert.match(finding?.message ?? '', /llm_int8_threshold must be a float/);
    assert.deepEqual(finding?.fixes[0]?.edits[0], { kind: 'replace', range: finding?.range, text: `${int}.0` });
  }
});

test('names that are no torch dtypes get the one that was meant', () => {
  const own = { quant_method: 'bitsandbytes', ...NF4 };
  for (const [written, meant] of [
    ['fp16', 'float16'],
    ['bf16', 'bfloat16'],
    ['half16', 'float16'],
    ['torch.bfloat16', 'bfloat16'],
  ]) {
    const config = { quantization_config: { ...own, bnb_4bit_compute_dtype: written } };
    assert.deepEqual(fixed('QC007', config, { file: 'config.json' }), { quantization_config: { ...own, bnb_4bit_compute_dtype: meant } });
  }
  assert.deepEqual(findings('QC007', { quantization_config: { ...own, bnb_4bit_compute_dtype: 'half' } }, { file: 'config.json' }), []);
});

test('float32 by default is a hint with 4 bits, and nothing with 8', () => {
  const [hint] = findings('QC007', { load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }, { file: 'bnb.json' });
  assert.equal(hint?.severity, 'hint');
  assert.deepEqual(findings('QC007', { load_in_8bit: true, llm_int8_threshold: 6.5 }, { file: 'bnb.json' }), []);
});

test('twins that disagree are told, twins that agree are not', () => {
  assert.equal(findings('QC013', { ...NF4, _load_in_4bit: false }, { file: 'bnb.json' }).length, 1);
  assert.equal(findings('QC013', { ...NF4, _load_in_4bit: true, _load_in_8bit: false, load_in_8bit: false }, { file: 'bnb.json' }).length, 0);
});

test('the recipe has the table, the block of 64 and the type of computing', () => {
  const four = check({ quantization_config: { ...NF4, llm_int8_skip_modules: ['lm_head'] } }).recipe;
  assert.deepEqual(
    [four?.scheme, four?.variant, four?.weights.dtype, four?.weights.groupSize, four?.computeDtype],
    ['bitsandbytes', 'nf4', 'nf4', 64, 'bfloat16'],
  );
  assert.equal(four?.ignore.length, 1);
  const eight = check({ quantization_config: { load_in_8bit: true } }).recipe;
  assert.deepEqual([eight?.methods, eight?.weights.groupSize, eight?.activations?.granularity], [['llm_int8'], -1, 'per_token']);
  assert.equal(check({ quantization_config: { load_in_8bit: true, load_in_4bit: true } }).recipe, null);
});
