import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { createChecks } from './checks.ts';
import { createDebouncer } from './debounce.ts';

test('of several calls for a key only the last runs', () => {
  const timers = new Map<number, () => void>();
  let next = 0;
  const debouncer = createDebouncer({
    set: (task) => {
      timers.set(next, task);
      return next++;
    },
    clear: (handle) => void timers.delete(handle as number),
  });
  const ran: string[] = [];
  debouncer.schedule('a', 10, () => ran.push('first'));
  debouncer.schedule('a', 10, () => ran.push('second'));
  debouncer.schedule('b', 10, () => ran.push('other'));
  debouncer.cancel('b');
  for (const task of timers.values()) task();
  assert.deepEqual(ran, ['second']);
});

test('a check that a newer version overtook is not published', async () => {
  const uri = 'file:///x.json';
  let document = TextDocument.create(uri, 'json', 1, '{}');
  const gates = new Map<number, () => void>();
  const published: number[] = [];
  let done: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const checks = createChecks({
    document: () => document,
    diagnostics: (checked) => {
      const version = checked.version;
      if (version === 2) gates.get(1)?.();
      return version === 2
        ? Promise.resolve([])
        : new Promise<Diagnostic[]>((resolve) => {
            gates.set(1, () => resolve([]));
            document = TextDocument.create(uri, 'json', 2, '{ }');
            checks.again(uri);
          });
    },
    publish: ({ version }) => {
      published.push(version ?? -1);
      done();
      return Promise.resolve();
    },
    logError: assert.fail,
  });
  checks.opened(document);
  await finished;
  checks.dispose();
  assert.deepEqual(published, [2]);
});
