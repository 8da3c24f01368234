// What the user does not want to see: by code, by place, and neither anything else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings } from '../testing/checking.ts';

const config = { quant_method: 'rtn', weight_format: 'int8', colour: 'red', overrides: { '.*down_proj': { taste: 'sweet' } } };
const count = (suppress: NonNullable<Parameters<typeof findings>[2]>['suppress']): number => findings('QC012', config, { suppress }).length;

test('a code is left out everywhere or in one place', () => {
  assert.equal(count([]), 2);
  assert.equal(count([{ code: 'QC012' }]), 0);
  assert.equal(count([{ code: 'QC012', path: ['overrides'] }]), 1);
  assert.equal(count([{ code: null, path: ['colour'] }]), 1);
});

test('another code and another place leave the finding', () => {
  assert.equal(count([{ code: 'QC013' }]), 2);
  assert.equal(count([{ code: 'QC012', path: ['overrides', 'x'] }]), 2);
});
