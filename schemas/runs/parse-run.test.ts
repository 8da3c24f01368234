import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRun } from './parse-run.ts';
import { arbitraryRun, everyKind } from './testing.ts';

test('a run of every kind reads back as it was written', () => {
  for (const run of everyKind()) assert.deepEqual(parseRun(JSON.stringify(run)), { kind: 'run', run });
});

test('runs with arbitrary words read back as they were written', () => {
  fc.assert(fc.property(arbitraryRun, (run) => assert.equal(parseRun(JSON.stringify(run)).kind, 'run')));
});

test('a run without a member, or with one of another type, is damaged and the place is told', () => {
  for (const run of everyKind()) {
    const { seconds: _, ...without } = run;
    assert.deepEqual(parseRun(JSON.stringify(without)), { kind: 'damaged', problem: 'the run has no "seconds"' });
    assert.equal(parseRun(JSON.stringify({ ...run, result: {} })).kind, 'damaged', run.kind);
  }
  const [ppl] = everyKind();
  const wrong = { ...ppl, result: { ...ppl?.result, perplexity: null } };
  assert.deepEqual(parseRun(JSON.stringify(wrong)), { kind: 'damaged', problem: 'result/perplexity is not of type number' });
});

test('a later version is told as one, whatever its members are', () => {
  assert.deepEqual(parseRun('{"format":"quantwright-run","version":2,"new":true}'), { kind: 'later', version: 2 });
});

test('no text makes the parser throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => assert.equal(parseRun(text).kind, 'damaged')));
});
