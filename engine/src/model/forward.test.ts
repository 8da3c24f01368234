import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Program, ProgramPart, Session, StepPart } from '@quantwright/native/binding';
import fc from 'fast-check';
import { createGenerator } from '../chat/generate.ts';
import { loadBinding } from '../jobs/binding.ts';
import { createForward } from './forward.ts';
import { loadModel } from './load.ts';

const model = await loadModel(fileURLToPath(new URL('../../../models/quill-16m', import.meta.url)), { binding: await loadBinding() });
const ids = (length: number, seed: number): Int32Array => Int32Array.from({ length }, (_, i) => (i * 7919 + seed * 104_729) % model.config.shape.vocabSize);

/** The model's own program, with what each forward held written down. */
function recorded(): { readonly program: Pick<Program, 'runBatch' | 'stepBatch'>; readonly forwards: number[][] } {
  const forwards: number[][] = [];
  return {
    forwards,
    program: {
      runBatch: (parts: readonly ProgramPart[]) => {
        forwards.push(parts.map(({ input }) => input.length));
        return model.program.runBatch(parts);
      },
      stepBatch: (parts: readonly (ProgramPart | StepPart)[]) => {
        forwards.push(parts.map(({ input }) => input.length));
        return model.program.stepBatch(parts);
      },
    },
  };
}

test('requests that wait together share a forward, and each gets the bits that it gets alone', async () => {
  const { program, forwards } = recorded();
  const forward = createForward(program);
  const prompts = [ids(40, 1), ids(300, 2), ids(9, 3), ids(120, 4)];
  const sessions = prompts.map(() => model.createSession(400));
  const together = await Promise.all(prompts.map((prompt, i) => forward(sessions[i] as Session, prompt, 'last')));
  const decoded: Float32Array[][] = [];
  for (let step = 0; step < 3; step++) decoded.push(await Promise.all(sessions.map((session, i) => forward(session, Int32Array.of(100 * step + i), 'last'))));
  assert.deepEqual(forwards.slice(-3), [Array(4).fill(1), Array(4).fill(1), Array(4).fill(1)]);
  for (const [i, prompt] of prompts.entries()) {
    const alone = model.createSession(400);
    assert.deepEqual(await model.program.run(alone, prompt, 'last'), together[i]);
    for (const [step, logits] of decoded.entries()) assert.deepEqual(await model.program.run(alone, Int32Array.of(100 * step + i), 'last'), logits[i]);
  }
});

test('a long prompt is cut while another sequence decodes, and both get what they get alone', async () => {
  const { program, forwards } = recorded();
  const forward = createForward(program);
  const [writing, reading] = [model.createSession(200), model.createSession(800)];
  const decode = async (): Promise<Float32Array[]> => {
    const all: Float32Array[] = [];
    for (let step = 0; step < 6; step++) all.push(await forward(writing, Int32Array.of(step), 'last'));
    return all;
  };
  const [steps, logits] = await Promise.all([decode(), forward(reading, ids(700, 5), 'last')]);
  assert.deepEqual(forwards.slice(0, 8), [[1], [128], [1], [128], [1], [128], [1], [128]]);
  assert.deepEqual(await model.program.run(model.createSession(700), ids(700, 5), 'last'), logits);
  const alone = model.createSession(200);
  for (const [step, row] of steps.entries()) assert.deepEqual(await model.program.run(alone, Int32Array.of(step), 'last'), row);
});

test('a request that fails does not touch the others of its forward', async () => {
  const forward = createForward(model.program);
  const sessions = [1, 2, 3].map(() => model.createSession(4)) as [Session, Session, Session];
  const results = await Promise.allSettled([
    forward(sessions[0], Int32Array.of(1, 2), 'last'),
    forward(sessions[1], Int32Array.of(1, -5), 'last'),
    forward(sessions[2], ids(5, 1), 'last'),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  assert.match(String((results[1] as PromiseRejectedResult).reason), /Token -5/);
  assert.match(String((results[2] as PromiseRejectedResult).reason), /needs room for 5 tokens, but the session can hold 4/);
  assert.deepEqual(
    sessions.map(({ length }) => length),
    [2, 0, 0],
  );
});

test('two generations at once write what each writes alone; one that is cancelled leaves the other alone', async () => {
  const prompts = [ids(30, 8), ids(17, 9)] as const;
  const generate = async (prompt: Int32Array, maxTokens: number, controller?: AbortController): Promise<number[]> => {
    const tokens: number[] = [];
    const onToken = (id: number): boolean => {
      tokens.push(id);
      if (tokens.length === 5) controller?.abort();
      return false;
    };
    const generation = await createGenerator(model, 100).run(prompt, {
      sampling: {},
      maxTokens,
      endIds: new Set(),
      onToken,
      signal: controller?.signal,
    });
    assert.equal(generation.finishReason, controller === undefined ? 'length' : 'cancelled');
    return tokens;
  };
  const alone = [await generate(prompts[0], 20), await generate(prompts[1], 30)];
  assert.deepEqual(await Promise.all([generate(prompts[0], 20), generate(prompts[1], 30)]), alone);
  const [cancelled, other] = await Promise.all([generate(prompts[0], 20, new AbortController()), generate(prompts[1], 30)]);
  assert.deepEqual(cancelled, alone[0]?.slice(0, 5));
  assert.deepEqual(other, alone[1]);
});

/** Appends what it is given to each session and answers with the session's whole contents: what came, in which order, and that nothing got lost. */
function ledger(fails: (input: Int32Array) => boolean): {
  readonly program: Pick<Program, 'runBatch' | 'stepBatch'>;
  readonly held: Map<Session, number[]>;
  readonly sizes: number[][];
} {
  const held = new Map<Session, number[]>();
  const sizes: number[][] = [];
  const runBatch: Program['runBatch'] = async (parts) => {
    sizes.push(parts.map(({ input }) => input.length));
    assert.equal(new Set(parts.map(({ session }) => session)).size, parts.length, 'a session twice in a forward');
    await new Promise(setImmediate);
    if (parts.some(({ input }) => fails(input as Int32Array))) throw new Error('refused');
    return parts.map(({ session, input, rows }) => {
      const all = [...(held.get(session) ?? []), ...input];
      held.set(session, all);
      return rows === 'none' ? new Float32Array() : Float32Array.from(rows === 'last' ? all.slice(-1) : [...input]);
    });
  };
  const stepBatch: Program['stepBatch'] = () => assert.fail('nothing is sampled here');
  return { program: { runBatch, stepBatch }, held, sizes };
}

test('whatever is asked for in whatever order arrives once and in order, and no forward is larger than it should be', async () => {
  const request = fc.record({
    length: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 600 })),
    rows: fc.constantFrom('all', 'last', 'none'),
    pause: fc.boolean(),
  });
  const sequences = fc.array(fc.array(request, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sequences, async (plans) => {
      // -1 in a request makes its forward fail.
      const { program, held, sizes } = ledger((input) => input.includes(-1));
      const forward = createForward(program);
      await Promise.all(
        plans.map(async (plan, index) => {
          const session = { index } as unknown as Session;
          const wanted: number[] = [];
          for (const [at, { length, rows, pause }] of plan.entries()) {
            if (pause) await new Promise(setImmediate);
            const input = Int32Array.from({ length }, (_, i) => (at * 1000 + i) % 999);
            if (length === 7) await assert.rejects(forward(session, Int32Array.of(-1, ...input.subarray(1)), rows), /refused/);
            const logits = await forward(session, input, rows);
            wanted.push(...input);
            assert.deepEqual([...logits], rows === 'none' ? [] : rows === 'last' ? wanted.slice(-1) : [...input]);
          }
          assert.deepEqual(held.get(session), wanted);
        }),
      );
      for (const parts of sizes) {
        const rows = parts.reduce((sum, count) => sum + count, 0);
        const few = parts.every((count) => count <= 8);
        assert.ok(few ? rows <= 8 : parts.every((count) => count > 8) && (rows <= 256 || parts.length === 1), `a forward of ${parts}`);
      }
    }),
    { numRuns: 60 },
  );
});
