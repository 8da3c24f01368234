import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Op, ProgramSpec } from './binding.ts';
import { binding, dense, refuses, rejects, wrong } from './testing.ts';

describe('Program and Session', () => {
  /** logits[i] = 1 where the token is i: enough to see rows, order and scores. */
  async function echo(vocabulary = 4): Promise<ProgramSpec> {
    const identity = Array.from({ length: vocabulary * vocabulary }, (_, i) => (i % (vocabulary + 1) === 0 ? 1 : 0));
    const table = await dense(vocabulary, vocabulary, identity);
    return {
      input: 'tokens',
      values: [vocabulary, vocabulary],
      body: [{ op: 'embed', table, out: 0 }],
      head: [{ op: 'linear', in: 0, out: 1, weight: table }],
      output: 1,
    };
  }

  test('run gives all rows, the last one or none', async () => {
    const program = binding.createProgram(await echo());
    const session = program.createSession(8, 'f32');
    assert.deepEqual([...(await program.run(session, Int32Array.of(2, 0), 'all'))], [0, 0, 1, 0, 1, 0, 0, 0]);
    assert.deepEqual([...(await program.run(session, Int32Array.of(1, 3), 'last'))], [0, 0, 0, 1]);
    assert.equal((await program.run(session, Int32Array.of(1), 'none')).length, 0);
    assert.equal(session.length, 5);
    session.truncate(1);
    assert.deepEqual([session.length, session.capacity, session.cacheBytes], [1, 8, 0]);
    assert.ok(program.weightBytes >= 64 && program.scratchBytes > 0);
  });

  test('score is -log softmax of the next token', async () => {
    const program = binding.createProgram(await echo());
    const total = Math.log(Math.E + 3);
    const nll = await program.score(program.createSession(8, 'f32'), Int32Array.of(2, 2, 1, 0), 0);
    assert.equal(nll.length, 3);
    for (const [i, wanted] of [total - 1, total, total].entries()) assert.ok(Math.abs((nll[i] ?? 0) - wanted) < 1e-6);
    assert.equal((await program.score(program.createSession(8, 'f32'), Int32Array.of(2, 2, 1), 2)).length, 0);
  });

  test('a batch gives every part its rows, and its session its length', async () => {
    const program = binding.createProgram(await echo());
    const sessions = [1, 2, 3].map(() => program.createSession(8, 'f32'));
    const [a, b, c] = sessions;
    assert.ok(a && b && c);
    const outs = await program.runBatch([
      { session: a, input: Int32Array.of(2, 0), rows: 'last' },
      { session: b, input: Int32Array.of(1), rows: 'none' },
      { session: c, input: Int32Array.of(3, 1), rows: 'all' },
    ]);
    assert.deepEqual(
      outs.map((out) => [...out]),
      [[1, 0, 0, 0], [], [0, 0, 0, 1, 0, 1, 0, 0]],
    );
    assert.deepEqual(
      sessions.map((session) => session.length),
      [2, 1, 2],
    );
    const total = Math.log(Math.E + 3);
    const [first, second] = await program.scoreBatch([
      { session: a, tokens: Int32Array.of(2, 2, 1), from: 0 },
      { session: b, tokens: Int32Array.of(0, 3), from: 1 },
    ]);
    assert.equal(second?.length, 0);
    for (const [i, wanted] of [total - 1, total].entries()) assert.ok(Math.abs((first?.[i] ?? 0) - wanted) < 1e-6);
  });

  test('a batch with a bad part is refused as a whole, by its index', async () => {
    const program = binding.createProgram(await echo());
    const a = program.createSession(4, 'f32');
    const b = program.createSession(4, 'f32');
    const good = { session: a, input: Int32Array.of(1), rows: 'last' } as const;
    await rejects(program.runBatch([]), /parts must be an array of at least one part/);
    await rejects(program.runBatch([good, good]), /parts\[1\] has the same session as part 0; give every sequence its own/);
    await rejects(program.runBatch([good, { session: b, input: Int32Array.of(1, 7), rows: 'last' }]), /Part 1: Token 7 at index 1 is outside/);
    await rejects(program.runBatch([good, wrong({ session: {} })]), /parts\[1\]\.session must be a Session of this addon/);
    await rejects(program.runBatch([good, wrong({ session: b, input: Int32Array.of(1), rows: 'first' })]), /parts\[1\]\.rows must be one of/);
    await rejects(program.scoreBatch([{ session: a, tokens: Int32Array.of(), from: 0 }]), /parts\[0\]\.tokens must not be empty/);
    const running = program.run(b, Int32Array.of(2), 'none');
    await rejects(program.runBatch([good, { session: b, input: Int32Array.of(1), rows: 'last' }]), /session is running already/);
    await running;
    assert.deepEqual([a.length, b.length], [0, 1]);
    await program.runBatch([good, { session: b, input: Int32Array.of(1), rows: 'last' }]);
    assert.deepEqual([a.length, b.length], [1, 2]);
  });

  test('a session runs one call at a time, and is free again after a failure', async () => {
    const program = binding.createProgram(await echo());
    const session = program.createSession(100, 'f32');
    const first = program.run(session, Int32Array.of(1), 'last');
    await rejects(program.run(session, Int32Array.of(1), 'last'), /session is running already; await the first run/);
    await first;
    await rejects(program.run(session, Int32Array.of(4), 'last'), /Token 4 at index 0 is outside the embedding table \(0\.\.3\)/);
    await program.run(session, Int32Array.of(1), 'last');
    assert.equal(session.length, 2);
  });

  test('running out of room says both numbers', async () => {
    const program = binding.createProgram(await echo());
    const session = program.createSession(3, 'f32');
    await program.run(session, Int32Array.of(1, 2), 'none');
    await rejects(program.run(session, Int32Array.of(1, 2), 'last'), /needs room for 2 tokens, but the session holds 2 of 3/);
    await rejects(program.run(session, new Int32Array(9), 'all'), /needs room for 9 tokens, but the session can hold 3/);
  });

  test('misuse of sessions is refused', async () => {
    const program = binding.createProgram(await echo());
    const session = program.createSession(3, 'f16');
    const other = binding.createProgram(await echo());
    await rejects(other.run(session, Int32Array.of(1), 'last'), /session belongs to another program/);
    await rejects(program.run(wrong({}), Int32Array.of(1), 'last'), /session must be a Session of this addon/);
    await rejects(program.run(session, wrong([1]), 'last'), /input must be an Int32Array/);
    await rejects(program.run(session, Float32Array.of(1), 'last'), /input must be an Int32Array, not another kind of array/);
    await rejects(program.run(session, new Int32Array(0), 'last'), /at least one token/);
    await rejects(program.run(session, Int32Array.of(1), wrong('first')), /rows must be one of 'all', 'last', 'none', not 'first'/);
    await rejects(program.score(session, Int32Array.of(1, 2), 2), /from must be an integer from 0 to 1, not 2/);
    refuses(() => session.truncate(1), /holds 0/);
    refuses(() => session.truncate(-1), /length must be an integer/);
    refuses(() => program.createSession(0, 'f32'), /capacity must be an integer from 1/);
    refuses(() => program.createSession(2 ** 30, 'f32'), /capacity must be 1\.\.16777216 tokens/);
    refuses(() => program.createSession(5, wrong('bf16')), /cache must be one of 'f32', 'f16', not 'bf16'/);
  });

  test('every kind of op reaches its kernel', async () => {
    const weight = Float32Array.of(1, 1);
    const body: Op[] = [
      { op: 'observe', in: 0, kind: 'capture', slot: 0 },
      { op: 'rmsnorm', in: 0, out: 1, weight, eps: 0 },
      { op: 'rope', value: 1, heads: 1, headDim: 2, inverseFrequency: Float32Array.of(0), attentionScale: 2 },
      { op: 'attention', q: 0, k: 1, v: 1, out: 2, layer: 0, heads: 1, kvHeads: 1, headDim: 2, scale: 1, window: 1 },
      { op: 'add', a: 2, b: 2, out: 3 },
      { op: 'silu_mul', gate: 3, up: 0, out: 3 },
      { op: 'observe', in: 3, kind: 'absmax', slot: 1 },
      { op: 'observe', in: 0, kind: 'hessian', slot: 2 },
      { op: 'observe', in: 0, kind: 'range', slot: 3 },
      { op: 'observe', in: 0, kind: 'histogram', slot: 4, bins: 16 },
    ];
    const program = binding.createProgram({ input: 'hidden', values: [2, 2, 2, 2], body, head: [], output: 3 });
    const session = program.createSession(16, 'f32');
    assert.equal(program.observed(0), null);
    const out = await program.run(session, Float32Array.of(3, 3, -1, 1), 'all');
    // Row 0: norm (1, 1), doubled by the rope of angle 0, seen alone through the window: (2, 2); added to itself: 4; times x: 3 silu(4).
    const silu = (x: number) => x / (1 + Math.exp(-x));
    for (const [i, wanted] of [3 * silu(4), 3 * silu(4), -silu(-4), silu(4)].entries()) assert.ok(Math.abs((out[i] ?? 0) - wanted) < 1e-5);
    assert.deepEqual([...(program.observed(0) ?? [])], [3, 3, -1, 1]);
    assert.deepEqual([...(program.observed(2) ?? [])], [10, 8, 8, 10]);
    assert.equal(program.observed(1)?.[0], out[0]);
    assert.deepEqual([...(program.observed(3) ?? [])], [3, 3, -1, 1]);
    // Bins of 1/2 from -4 on: -1 in the seventh, 1 in the eleventh, 3 in the fifteenth.
    assert.deepEqual([...(program.observed(4) ?? [])], [-1, 3, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0]);
    program.resetObservers();
    assert.equal(program.observed(2), null);
    assert.equal(session.cacheBytes, 16 * 2 * 4 + 16 * 16 * 4);
    refuses(() => program.observed(9), /no observe op with slot 9/);
    await rejects(program.run(session, new Float32Array(3), 'all'), /3 elements, which is not a multiple of the width 2/);
  });

  test('observers are not read while the program runs', async () => {
    const program = binding.createProgram({
      input: 'hidden',
      values: [1],
      body: [{ op: 'observe', in: 0, kind: 'absmax', slot: 0 }],
      head: [],
      output: 0,
    });
    const running = program.run(program.createSession(4, 'f32'), Float32Array.of(2), 'none');
    refuses(() => program.observed(0), /the program is running/);
    await running;
    assert.deepEqual([...(program.observed(0) ?? [])], [2]);
  });

  test('specs that cannot run are refused with the op', async () => {
    const spec = await echo();
    const [embed] = spec.body;
    assert.ok(embed);
    const refused = (change: Partial<Record<keyof ProgramSpec, unknown>>, words: RegExp) =>
      refuses(() => binding.createProgram({ ...spec, ...change } as ProgramSpec), words);
    refused({ input: 'text' }, /createProgram: spec\.input must be one of 'tokens', 'hidden'/);
    refused({ values: [4, 5] }, /head\[0\] linear: out \(value 1\) is 5 wide, but the weight's rows are 4/);
    refused({ values: [4, 0] }, /spec\.values\[1\] must be an integer from 1/);
    refused({ values: 4 }, /spec\.values must be an array/);
    refused({ body: {} }, /spec\.body must be an array of ops/);
    refused({ body: [embed, { op: 'conv', in: 0 }] }, /spec\.body\[1\]\.op must be one of 'embed', 'rmsnorm'/);
    refused({ body: [embed, null] }, /spec\.body\[1\] must be an object, not null/);
    refused({ body: [{ op: 'embed', table: {}, out: 0 }] }, /spec\.body\[0\]\.table must be a Weight of this addon/);
    refused({ body: [embed, { op: 'rmsnorm', in: 0, out: 0, weight: new Float32Array(3), eps: 0 }] }, /weight has 3 elements, but needs 4/);
    refused({ body: [embed, { op: 'rmsnorm', in: 0, out: 0, weight: new Float32Array(4), eps: Number.NaN }] }, /eps must be a finite number/);
    refused({ output: 7 }, /output is value 7/);
    refused({ head: [{ op: 'add', a: 0, b: 1, out: 1 }] }, /head\[0\] add: b reads value 1 before any op has written it/);
  });
});
