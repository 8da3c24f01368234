// What several journeys do in the chat panel. The names (Message, Send, Stop, New chat) are those a screen reader says.
import type { Frame, Locator } from 'playwright-core';
import type { Workbench } from '../support/editor-workbench.ts';

/** Time a small model may take for a whole answer on a busy machine. */
export const answerTimeoutMs = 120_000;

/** Chooses the model of the workspace folder `name` through the palette, and returns the panel that opens with it. */
export async function chatWith(workbench: Workbench, name: string): Promise<Frame> {
  await workbench.run('Quantwright: Chat with Model');
  await workbench.pick('Chat: model', `/${name}`);
  const panel = await workbench.webview('quantwright.chat');
  await panel.getByRole('textbox', { name: 'Message' }).waitFor();
  return panel;
}

export async function send(chat: Frame, text: string): Promise<void> {
  await chat.getByRole('textbox', { name: 'Message' }).fill(text);
  await chat.getByRole('button', { name: 'Send' }).click();
}

/** Assistant messages, oldest first; a finished one has the attribute data-done. */
export function answers(chat: Frame): Locator {
  return chat.locator('.message.assistant');
}

/** Waits until answer number `index` has a few words and is still being written; returns them. */
export async function growingAnswer(chat: Frame, index: number): Promise<string> {
  const answer = chat.locator('.message.assistant:not([data-done])').and(answers(chat).nth(index)).filter({ hasText: /\S{4}/ });
  await answer.waitFor({ timeout: answerTimeoutMs });
  return (await answer.textContent()) ?? '';
}

/** Waits until answer number `index` is complete and returns its text. */
export async function finishedAnswer(chat: Frame, index: number): Promise<string> {
  const answer = answers(chat).nth(index).and(chat.locator('[data-done]'));
  await answer.waitFor({ timeout: answerTimeoutMs });
  return (await answer.textContent()) ?? '';
}
