import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocolVersion } from '@quantwright/schemas/rpc/engine';
import { protocolProblem } from './handshake.ts';

test('an engine of our own protocol is accepted', () => {
  assert.equal(protocolProblem({ protocol: protocolVersion, version: '0.1.0' }), null);
});

test('the refusal of another protocol names both numbers', () => {
  const words = protocolProblem({ protocol: 41, version: '9.9.9' }, 7) ?? '';
  assert.match(words, /protocol 41/);
  assert.match(words, /protocol 7/);
  assert.match(words, /9\.9\.9/);
});
