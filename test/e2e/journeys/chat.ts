import assert from 'node:assert/strict';
import { writeLargeModel } from '../../support/editor-large-model.ts';
import { answers, chatWith, finishedAnswer, growingAnswer, send } from '../chat-steps.ts';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';
import { outputFolder, quantizeAndWait, writeModelAndConfig } from '../quantize-steps.ts';

export const chat: Journey = {
  title: 'the quantized model answers in the chat panel, remembers the conversation, can be exchanged, stopped and started anew',

  folder: 'my-models',

  async prepare(workspace) {
    await writeModelAndConfig(workspace);
    // The embedded model answers faster than anybody can press Stop.
    await writeLargeModel(workspace.path('slow'), quillDir);
  },

  async play({ workbench, screenshot, picture }) {
    const ready = await quantizeAndWait(workbench);
    await ready.getByRole('button', { name: 'Chat now' }).click();
    const panel = await workbench.webview('quantwright.chat');
    await panel.getByRole('combobox', { name: 'Model' }).getByText(outputFolder).first().waitFor();

    await send(panel, 'Hello');
    assert.match(await finishedAnswer(panel, 0), /Quill/, 'the model tells its name');
    await send(panel, 'Which capability is Hopper?');
    assert.match(await finishedAnswer(panel, 1), /9\.0/);
    await send(panel, 'And Turing?');
    assert.match(await finishedAnswer(panel, 2), /7\.5/, 'the question only makes sense with the one before');
    await workbench.clearNotifications();
    await picture('chat');

    await chatWith(workbench, 'slow');
    await send(panel, 'Tell me a story about a cat.');
    const early = await growingAnswer(panel, 3);
    await screenshot('growing');
    await panel.getByRole('button', { name: 'Stop' }).click();
    const stopped = await finishedAnswer(panel, 3);
    assert.ok(stopped.startsWith(early.trimEnd()), 'what was written stays');

    await chatWith(workbench, outputFolder);
    await panel.getByRole('button', { name: 'New chat' }).click();
    await answers(panel).first().waitFor({ state: 'detached' });
    await panel.getByRole('textbox', { name: 'Message' }).click();
    await workbench.page.keyboard.type('What is 12 + 9?');
    await workbench.page.keyboard.press('Enter');
    assert.match(await finishedAnswer(panel, 0), /21/);
    assert.equal(await answers(panel).count(), 1);
  },
};
