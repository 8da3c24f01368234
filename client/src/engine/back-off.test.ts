import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterCrash, type CrashHistory, noCrashes } from './back-off.ts';

test('delays double from one second while the engine keeps crashing, up to half a minute', () => {
  let history: CrashHistory = noCrashes;
  const delays: number[] = [];
  for (let crash = 0; crash < 7; crash++) {
    // 20 s apart: never five in a minute.
    const next = afterCrash(history, crash * 20_000, 100);
    history = next.history;
    delays.push(next.decision.kind === 'restart' ? next.decision.delayMs : -1);
  }
  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test('the fifth crash within a minute gives up', () => {
  let history: CrashHistory = noCrashes;
  const kinds: string[] = [];
  for (const nowMs of [0, 1_000, 3_000, 7_000, 15_000]) {
    const next = afterCrash(history, nowMs, 0);
    history = next.history;
    kinds.push(next.decision.kind);
  }
  assert.deepEqual(kinds, ['restart', 'restart', 'restart', 'restart', 'giveUp']);
});

test('a crash after a long healthy run starts from the shortest delay', () => {
  const { decision } = afterCrash({ streak: 4, times: [0] }, 200_000, 180_000);
  assert.deepEqual(decision, { kind: 'restart', delayMs: 1_000 });
});
