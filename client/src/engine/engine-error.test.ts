import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineErrorCode } from '@quantwright/schemas/rpc/errors';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { connectionIsGone, EngineStoppedError, engineFailure } from './engine-error.ts';

test('a refusal of the judge keeps its findings', () => {
  const findings = [{ code: 'QC010', message: 'group_size 100 does not divide 384' }];
  const failure = engineFailure(new ResponseError(engineErrorCode, 'config refused', { kind: 'config', findings }));
  assert.deepEqual(failure, { kind: 'refused', message: 'config refused', findings });
});

test('cancellation is not an error', () => {
  assert.deepEqual(engineFailure(new ResponseError(-32800, 'cancelled')), { kind: 'cancelled' });
});

test('a damaged checkpoint names its file', () => {
  const failure = engineFailure(new ResponseError(engineErrorCode, 'truncated', { kind: 'checkpoint', file: '/m/model.safetensors' }));
  assert.deepEqual(failure, { kind: 'failed', message: 'truncated', file: '/m/model.safetensors' });
});

test('a crash says how the process ended', () => {
  assert.deepEqual(engineFailure(new EngineStoppedError('it was ended by signal SIGKILL')), {
    kind: 'stopped',
    message: 'The engine stopped: it was ended by signal SIGKILL.',
  });
});

test('a rejected pending response means the wire is gone, an answer of the engine does not', () => {
  assert.equal(connectionIsGone(new ResponseError(ErrorCodes.PendingResponseRejected, 'disposed')), true);
  assert.equal(connectionIsGone(new ResponseError(engineErrorCode, 'no such file', { kind: 'input' })), false);
});
