// QC025: patterns that do not compile or do not say what was meant.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig } from '../../testing/checking.ts';

const RTN = { quant_method: 'rtn', weight_format: 'int8' };
const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 64, desc_act: false, sym: true };
const gptq = { file: 'quantize_config.json' };
const tensors = { 'model.layers.0.mlp.up_proj.weight': ['BF16', [64, 64]], 'model.layers.0.mlp.down_proj.weight': ['BF16', [64, 64]] } as const;

test('a pattern that does not compile is named where it stands', () => {
  const [finding] = findings('QC025', { ...RTN, ignore: ['lm_head', '('] });
  assert.deepEqual([finding?.path, finding?.severity], [['ignore', 1], 'error']);
  assert.equal(findings('QC025', { ...RTN, overrides: { '[': {} } }).length, 1);
  assert.equal(findings('QC025', { ...GPTQ, dynamic: { '+:(': {} } }, gptq).length, 1);
});

test('an empty pattern is told, and ignores nothing', () => {
  const [finding, ...more] = findings('QC025', { ...RTN, ignore: ['', 'lm_head'] });
  assert.deepEqual([finding?.severity, finding?.path, more], ['warning', ['ignore', 0], []]);
  assert.equal(findings('QC017', { ...RTN, ignore: [''] }, { runtime: 'quantwright', model: llamaConfig(64, 64) }).length, 0);
});

test('a star on a letter gets its dot', () => {
  assert.deepEqual(fixed('QC025', { ...GPTQ, dynamic: { '-:.*lm_head*': {} } }, gptq), { ...GPTQ, dynamic: { '-:.*lm_head.*': {} } });
  assert.equal(findings('QC025', { ...RTN, ignore: ['.*lm_head*'] })[0]?.severity, 'hint');
});

test('settings that reach no module are told with the name that does', () => {
  const config = { ...RTN, overrides: { '.*downproj': { group_size: 32 } } };
  assert.match(findings('QC025', config, { tensors })[0]?.message ?? '', /Of the settings "\.\*downproj" matches none of 2 modules/);
  assert.deepEqual(fixed('QC025', config, { tensors }), { ...RTN, overrides: { '.*down_proj': { group_size: 32 } } });
});

test('sound patterns, stars behind dots and classes, and settings that match are silent', () => {
  assert.deepEqual(findings('QC025', { ...RTN, ignore: ['.*lm_head', 'model\\..*', '[a-z]*', '.*_proj$'] }), []);
  assert.deepEqual(findings('QC025', { ...RTN, overrides: { '.*down_proj': { group_size: 32 } } }, { tensors }), []);
  assert.deepEqual(findings('QC025', { ...GPTQ, dynamic: { '-:(?P<name>lm_head)': {} } }, gptq), []);
});

test('patterns of a recipe are read in its modifiers', () => {
  const recipe = (ignore: string): string =>
    `quant_stage:\n  quant_modifiers:\n    GPTQModifier:\n      scheme: W4A16\n      targets: [Linear]\n      ignore: ["${ignore}"]\n`;
  const [finding] = findings('QC025', recipe('re:.*lm_head*'), { file: 'recipe.yaml' });
  assert.deepEqual(finding?.path, ['quant_stage', 'quant_modifiers', 'GPTQModifier', 'ignore', 0]);
  assert.deepEqual(findings('QC025', recipe('re:.*lm_head.*'), { file: 'recipe.yaml' }), []);
  assert.deepEqual(findings('QC025', recipe('lm_head'), { file: 'recipe.yaml' }), []);
});
