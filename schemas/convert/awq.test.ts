// AutoAWQ's file and AWQ's block in config.json.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llamaConfig } from '../testing/checking.ts';
import { conversions, convert, recipeOf } from './testing.ts';

const file = { zero_point: true, q_group_size: 128, w_bit: 4, version: 'GEMM', modules_to_not_convert: null };
const block = { quant_method: 'awq', bits: 4, group_size: 128, zero_point: true, version: 'gemm', modules_to_not_convert: null };

test('the file becomes the block, and the block the file', () => {
  const there = convert('awq-block', 'quant_config.json', file, new Map([['config.json', '{"model_type": "llama"}']]));
  assert.deepEqual([there.fileName, there.losses, JSON.parse(there.text).quantization_config], ['config.json', [], block]);
  const back = convert('awq-file', 'config.json', there.text);
  assert.deepEqual([back.fileName, back.losses], ['quant_config.json', []]);
  assert.deepEqual(JSON.parse(back.text), { quant_method: 'awq', ...file, version: 'gemm' });
});

test('names that the tools read in another way are told, unless they come to the same modules', () => {
  const named = { ...block, modules_to_not_convert: ['mlp.down_proj'] };
  const [loss, ...more] = convert('awq-block', 'quant_config.json', { ...file, modules_to_not_convert: ['visual'] }).losses;
  assert.match(loss ?? '', /^modules_to_not_convert is copied, but read in another way/);
  assert.deepEqual(more, []);
  const known = convert('awq-file', 'config.json', { ...llamaConfig(512, 1024), quantization_config: named });
  assert.deepEqual(known.losses, []);
  assert.deepEqual(JSON.parse(known.text).modules_to_not_convert, ['mlp.down_proj']);
});

test('keys of transformers that AutoAWQ would not start with are left out and told', () => {
  const { text, losses } = convert('awq-file', 'config.json', { model_type: 'llama', quantization_config: { ...block, do_fuse: true, backend: 'marlin' } });
  assert.deepEqual(Object.keys(JSON.parse(text)), ['quant_method', 'zero_point', 'q_group_size', 'w_bit', 'version', 'modules_to_not_convert']);
  assert.deepEqual(losses, ['"do_fuse" has no counterpart in the new config.', '"backend" has no counterpart in the new config.']);
});

test('a job of ours for AutoAWQ says of ignore what parts of names can say', () => {
  const job = { quant_method: 'awq', weight_format: 'uint4', group_size: 64, ignore: ['.*down_proj', 'lm_head', '.*layers\\.(0|1)\\.'] };
  const { text, losses } = convert('awq-file', 'job.quant.json', job);
  assert.deepEqual(JSON.parse(text).modules_to_not_convert, ['down_proj', 'lm_head']);
  assert.deepEqual(losses, ['Modules matching ".*layers\\.(0|1)\\." stay in floating point here; the new config cannot say so.']);
  assert.deepEqual(recipeOf('quant_config.json', text).weights.groupSize, 64);
});

test('AWQ becomes a job of ours, with the output matrix in plain words', () => {
  const config = { model_type: 'llama', quantization_config: { ...block, modules_to_not_convert: ['lm_head'] } };
  const { fileName, text, losses } = convert('quant-json', 'config.json', config);
  assert.deepEqual([fileName, losses], ['awq-uint4-g128.quant.json', []]);
  assert.deepEqual(JSON.parse(text), { quant_method: 'awq', weight_format: 'uint4', group_size: 128, ignore: ['lm_head'] });
});

test('8 bits are not offered for AutoAWQ, which has 4 only', () => {
  assert.ok(conversions('job.quant.json', { quant_method: 'awq', weight_format: 'uint8', group_size: 64 }).every(({ id }) => !id.startsWith('awq')));
});

test('a layout that the other reader does not have is not converted', () => {
  const ids = (name: string, config: unknown): readonly string[] => conversions(name, config).map(({ id }) => id);
  assert.ok(!ids('quant_config.json', { ...file, version: 'marlin', zero_point: false }).includes('awq-block'));
  assert.ok(!ids('config.json', { model_type: 'llama', quantization_config: { ...block, version: 'llm-awq' } }).includes('awq-file'));
});
