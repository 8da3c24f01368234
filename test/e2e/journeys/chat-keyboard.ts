import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { writeLargeModel } from '../../support/editor-large-model.ts';
import { chatWith, finishedAnswer, growingAnswer } from '../chat-steps.ts';
import { quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const chatKeyboard: Journey = {
  title: 'the chat is used without a mouse: the cursor is in the box, every control is reached in reading order, Esc stops',

  async prepare(workspace) {
    await writeLargeModel(workspace.path('slow'), quillDir);
  },

  async play({ workbench, screenshot }) {
    const { keyboard } = workbench.page;
    const panel = await chatWith(workbench, 'slow');
    await panel.locator('textarea:focus').waitFor();
    await keyboard.type('Tell me');
    await keyboard.press('Shift+Enter');
    await keyboard.type('a story.');
    assert.equal(await panel.getByRole('textbox', { name: 'Message' }).inputValue(), 'Tell me\na story.');
    await keyboard.press('Enter');
    await growingAnswer(panel, 0);
    await keyboard.press('Escape');
    await finishedAnswer(panel, 0);
    await panel.getByText(/^stopped · /).waitFor();
    await panel.locator('textarea:focus').waitFor();

    await keyboard.type('x');
    const backwards = [await focused(panel)];
    for (let step = 0; step < 5; step++) {
      await keyboard.press('Shift+Tab');
      backwards.push(await focused(panel));
    }
    assert.deepEqual(backwards, ['Message', 'Conversation', 'KV cache', 'New chat', 'Browse for a model', 'Model']);
    await screenshot('model');
    for (let step = 0; step < 6; step++) await keyboard.press('Tab');
    assert.equal(await focused(panel), 'Send');
    await screenshot('send');
  },
};

/** Name of the element that has the focus, as a screen reader says it. */
function focused(panel: Frame): Promise<string | null> {
  return panel
    .locator('quantwright-chat :focus')
    .first()
    .evaluate((element) => element.getAttribute('aria-label') ?? element.getAttribute('label') ?? element.textContent?.trim() ?? null);
}
