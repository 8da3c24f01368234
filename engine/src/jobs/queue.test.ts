import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJobQueue } from './queue.ts';

const never = new AbortController().signal;

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('jobs of one key run one after another, in order', async () => {
  const queue = createJobQueue();
  const first = gate();
  const events: string[] = [];
  const a = queue.run('chat', 'model', never, async () => {
    events.push('a begins');
    await first.opened;
    events.push('a ends');
  });
  const b = queue.run('perplexity', 'model', never, async () => void events.push('b runs'));
  await new Promise(setImmediate);
  assert.deepEqual(
    queue.jobs.map((job) => [job.kind, job.state.tag]),
    [
      ['chat', 'running'],
      ['perplexity', 'queued'],
    ],
  );
  first.open();
  await Promise.all([a, b]);
  assert.deepEqual(events, ['a begins', 'a ends', 'b runs']);
  assert.deepEqual(queue.jobs, []);
});

test('jobs of different keys do not wait for each other', async () => {
  const queue = createJobQueue();
  const held = gate();
  const a = queue.run('chat', 'one', never, () => held.opened);
  assert.equal(await queue.run('chat', 'two', never, async () => 7), 7);
  held.open();
  await a;
});

test('shared jobs run beside each other; one that runs alone waits for them, and they for it', async () => {
  const queue = createJobQueue();
  const [first, alone] = [gate(), gate()];
  const events: string[] = [];
  const note = (name: string, until?: Promise<void>) => async (): Promise<void> => {
    events.push(name);
    await until;
  };
  const jobs = [
    queue.run('chat', 'model', never, note('a', first.opened), 'shared'),
    queue.run('chat', 'model', never, note('b'), 'shared'),
    queue.run('perplexity', 'model', never, note('c', alone.opened)),
    queue.run('chat', 'model', never, note('d'), 'shared'),
    queue.run('chat', 'model', never, note('e'), 'shared'),
  ];
  await new Promise(setImmediate);
  assert.deepEqual(events, ['a', 'b']);
  first.open();
  await Promise.all(jobs.slice(0, 2));
  await new Promise(setImmediate);
  assert.deepEqual(events, ['a', 'b', 'c']);
  alone.open();
  await Promise.all(jobs);
  assert.deepEqual(events, ['a', 'b', 'c', 'd', 'e']);
});

test('a job cancelled while it waits never runs, and the next one still waits for the running one', async () => {
  const queue = createJobQueue();
  const held = gate();
  const cancel = new AbortController();
  const events: string[] = [];
  const a = queue.run('chat', 'model', never, async () => {
    await held.opened;
    events.push('a');
  });
  const b = queue.run('chat', 'model', cancel.signal, async () => void events.push('b'));
  const c = queue.run('chat', 'model', never, async () => void events.push('c'));
  cancel.abort();
  await assert.rejects(b, { name: 'AbortError' });
  await new Promise(setImmediate);
  assert.deepEqual(events, []);
  held.open();
  await Promise.all([a, c]);
  assert.deepEqual(events, ['a', 'c']);
});

test('a failed job does not keep the next one from running', async () => {
  const queue = createJobQueue();
  const a = queue.run('chat', 'model', never, () => Promise.reject(new Error('no')));
  const b = queue.run('chat', 'model', never, async () => 'yes');
  await assert.rejects(a, /no/);
  assert.equal(await b, 'yes');
});

test('closing aborts what runs, waits for it, and refuses new jobs', async () => {
  const queue = createJobQueue();
  let ended = false;
  const a = queue.run('quantize', 'out', never, async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    ended = true;
    signal.throwIfAborted();
  });
  const failed = assert.rejects(a, { name: 'AbortError' });
  await new Promise(setImmediate);
  await queue.close();
  assert.equal(ended, true);
  await failed;
  await assert.rejects(
    queue.run('chat', 'model', never, async () => 1),
    /shutting down/,
  );
});
