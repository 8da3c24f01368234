// AWQ in config.json and in AutoAWQ's own file: which file is whose, layouts in any case, and what the tools refuse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';
import type { CheckResult } from '../../check/types.ts';
import { findings, fixed } from '../../testing/checking.ts';

function check(config: unknown, fileName = 'config.json'): CheckResult {
  return checkConfig({ fileName, text: JSON.stringify(config), modelConfigText: null, targets: [] });
}

const HF = { quant_method: 'awq', bits: 4, group_size: 128, zero_point: true, version: 'gemm' };
const FILE = { zero_point: true, q_group_size: 128, w_bit: 4, version: 'GEMM' };

test('the same method in two files has two formats; other tools have neither', () => {
  assert.equal(check({ quantization_config: HF }).format, 'hf-awq');
  assert.equal(check({ quantization_config: { bits: 4, group_size: 128, zero_point: true } }).format, 'hf-awq');
  assert.equal(check(HF, 'quantization_config.json').format, 'hf-awq');
  assert.equal(check(FILE, 'quant_config.json').format, 'awq-quant-config');
  assert.equal(check({ ...FILE, quant_method: 'awq' }, 'quant_config.json').format, 'awq-quant-config');
  assert.equal(check({ bits: 4, group_size: 128, zero_point: true }, 'quant_config.json').format, 'awq-quant-config');
  assert.equal(check({ wbits: 4 }, 'quant_config.json').format, null);
  assert.equal(check({ bitwidth: 18, int_bitwidth: 8 }, 'quant_config.json').format, null);
  assert.equal(check({ symbol: 'BTC', version: 2, zero_point: 1 }, 'quant_config.json').format, null);
});

test('layouts are read in any case and named in lower case', () => {
  for (const version of ['gemm', 'GEMM', 'GEMV_Fast', 'LLM-AWQ']) {
    const { findings: found, recipe } = check({ quantization_config: { ...HF, version } });
    assert.deepEqual([found, recipe?.variant], [[], version.toLowerCase()]);
  }
  assert.deepEqual(fixed('QC013', { quantization_config: { ...HF, version: 'gem' } }, { file: 'config.json' }), { quantization_config: HF });
  assert.match(findings('QC013', { quantization_config: { ...HF, version: 'exllama' } }, { file: 'config.json' })[0]?.message ?? '', /backend/);
  assert.equal(findings('QC013', { ...FILE, version: 'llm-awq' }, { file: 'quant_config.json' }).length, 1);
});

test('zero points follow the layout', () => {
  const codes = (config: object): readonly string[] => findings('QC005', config, { file: 'quant_config.json' }).map(({ severity }) => severity);
  assert.deepEqual(codes(FILE), []);
  assert.deepEqual(codes({ ...FILE, version: 'Marlin' }), ['error']);
  assert.deepEqual(codes({ ...FILE, version: 'Marlin', zero_point: false }), []);
  assert.deepEqual(codes({ ...FILE, zero_point: false }), ['warning']);
});

test('keys of one file in the other are renamed', () => {
  const { bits: _, ...rest } = HF;
  assert.deepEqual(fixed('QC012', { quantization_config: { ...rest, w_bit: 4 } }, { file: 'config.json' }), { quantization_config: { ...rest, bits: 4 } });
  const [missing] = findings('QC005', { zero_point: true, q_group_size: 128, bits: 4 }, { file: 'quant_config.json' });
  assert.match(missing?.message ?? '', /"bits" stands in its place/);
});

test('a per-channel group breaks AutoAWQ, not the loaders', () => {
  assert.equal(findings('QC013', { ...FILE, q_group_size: -1 }, { file: 'quant_config.json' }).length, 1);
  assert.deepEqual(check({ quantization_config: { ...HF, group_size: -1 } }).findings, []);
});

test('the recipe has unsigned codes with integer zero points', () => {
  const { recipe } = check({ quantization_config: { ...HF, modules_to_not_convert: ['visual'] } });
  assert.deepEqual([recipe?.scheme, recipe?.methods, recipe?.weights.symmetric, recipe?.weights.zeroPoint], ['awq', ['awq'], false, 'integer']);
  assert.equal(check({ quantization_config: { ...HF, zero_point: false } }).recipe?.weights.symmetric, true);
});
