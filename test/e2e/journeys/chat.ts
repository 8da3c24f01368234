import assert from 'node:assert/strict';
import { answers, answerTimeoutMs, finishedAnswer, send } from '../chat-steps.ts';
import type { Journey } from '../journey.ts';
import { quantizeAndWait, writeModelAndConfig } from '../quantize-steps.ts';

export const chat: Journey = {
  title: 'the quantized model answers in the chat panel: streamed, stopped, started anew, with the conversation in mind',

  prepare: writeModelAndConfig,

  async play({ workbench, screenshot }) {
    const ready = await quantizeAndWait(workbench);
    await ready.getByRole('button', { name: 'Chat now' }).click();
    const panel = await workbench.webview('quantwright.chat');

    await send(panel, 'Hello');
    assert.match(await finishedAnswer(panel, 0), /Quill/, 'the model tells its name');
    await send(panel, 'Which capability is Hopper?');
    assert.match(await finishedAnswer(panel, 1), /9\.0/);
    await screenshot('answers');

    // A story is long enough to be seen growing and to be stopped.
    await send(panel, 'Tell me a story about a cat.');
    const story = answers(panel).nth(2);
    await story.filter({ hasText: /\w+ \w+ \w+/ }).waitFor({ timeout: answerTimeoutMs });
    const early = (await story.textContent()) ?? '';
    await panel.getByRole('button', { name: 'Stop' }).click();
    const stopped = await finishedAnswer(panel, 2);
    assert.ok(stopped.length >= early.length, 'what was written stays');
    await screenshot('stopped');

    await panel.getByRole('button', { name: 'New chat' }).click();
    await answers(panel).first().waitFor({ state: 'detached' });
    await send(panel, 'What is 12 + 9?');
    assert.match(await finishedAnswer(panel, 0), /21/);
    assert.equal(await answers(panel).count(), 1);
  },
};
