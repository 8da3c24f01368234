import assert from 'node:assert/strict';
import { poll } from '../../support/editor-poll.ts';
import { engineProcesses } from '../../support/editor-processes.ts';
import { answers, answerTimeoutMs, finishedAnswer, send } from '../chat-steps.ts';
import type { Journey } from '../journey.ts';
import { quantizeAndWait, writeModelAndConfig } from '../quantize-steps.ts';

export const engineCrash: Journey = {
  title: 'an engine killed in mid-chat is told, started again, and answers the next message',

  prepare: writeModelAndConfig,

  async play({ workbench, serverPid, screenshot }) {
    const ready = await quantizeAndWait(workbench);
    await ready.getByRole('button', { name: 'Chat now' }).click();
    const panel = await workbench.webview('quantwright.chat');
    await send(panel, 'Tell me a story about a cat.');
    await answers(panel)
      .first()
      .filter({ hasText: /\w+ \w+/ })
      .waitFor({ timeout: answerTimeoutMs });

    const [engine] = engineProcesses(serverPid);
    assert.ok(engine !== undefined, 'an engine runs');
    process.kill(engine.pid, 'SIGKILL');

    await workbench.notification(/engine stopped.*SIGKILL/).waitFor();
    await panel
      .getByText(/engine stopped/i)
      .first()
      .waitFor();
    await screenshot('told');
    await poll('another engine', () => engineProcesses(serverPid).some(({ pid }) => pid !== engine.pid));

    const before = await answers(panel).count();
    await send(panel, 'What is 12 + 9?');
    assert.match(await finishedAnswer(panel, before), /21/);
  },
};
