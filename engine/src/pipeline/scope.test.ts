import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import { scopeOf } from './scope.ts';

const recipe: Recipe = {
  format: 'quantwright', methods: ['rtn'], computeMethod: 'weight_only', activations: null, ignore: [], overrides: [], dialect: 'ist',
  weights: { dtype: 'int', bits: 4, signed: false, symmetric: false, groupSize: 128, zeroPoint: 'integer', descAct: false, staticGroups: false },
  mseSearch: false, fullRange: false, dampPercent: 0.01, trueSequential: false, calibration: null, saveFormat: 'quantwright', scaleType: 'f16', memoryLimitBytes: null,
};

test('ignored modules stay in floating point, the others take the recipe', () => {
  const scope = scopeOf({ ...recipe, ignore: ['model\\.layers\\.0\\.', '.*down_proj'] });
  assert.equal(scope('model.layers.0.mlp.up_proj'), null);
  assert.equal(scope('model.layers.3.mlp.down_proj'), null);
  assert.equal(scope('model.layers.3.mlp.up_proj')?.bits, 4);
});

test('patterns are anchored at the start of the name only', () => {
  const scope = scopeOf({ ...recipe, ignore: ['layers', 'model.layers.1'] });
  assert.notEqual(scope('model.layers.0.mlp.up_proj'), null);
  assert.equal(scope('model.layers.1.mlp.up_proj'), null);
});

test('the first override that matches wins, and changes only what it names', () => {
  const scope = scopeOf({ ...recipe, overrides: [{ pattern: '.*down_proj', weights: { bits: 8 } }, { pattern: '.*', weights: { groupSize: 32 } }] });
  assert.deepEqual([scope('a.down_proj')?.bits, scope('a.down_proj')?.groupSize], [8, 128]);
  assert.deepEqual([scope('a.up_proj')?.bits, scope('a.up_proj')?.groupSize], [4, 32]);
});

test('a pattern that is no regular expression is refused by name', () => {
  assert.throws(() => scopeOf({ ...recipe, ignore: ['('] }), (error) => error instanceof EngineError && error.kind === 'config' && error.message.includes('ignore: "("'));
});
