// What several journeys do in the chat panel. The names (Message, Send, Stop, New chat) are those a screen reader says.
import type { Frame, Locator } from 'playwright-core';

/** Time a small model may take for a whole answer on a busy machine. */
export const answerTimeoutMs = 60_000;

export async function send(chat: Frame, text: string): Promise<void> {
  await chat.getByRole('textbox', { name: 'Message' }).fill(text);
  await chat.getByRole('button', { name: 'Send' }).click();
}

/** Assistant messages, oldest first; a finished one has the attribute data-done. */
export function answers(chat: Frame): Locator {
  return chat.locator('.message.assistant');
}

/** Waits until answer number `index` is complete and returns its text. */
export async function finishedAnswer(chat: Frame, index: number): Promise<string> {
  const answer = answers(chat).nth(index).and(chat.locator('[data-done]'));
  await answer.waitFor({ timeout: answerTimeoutMs });
  return (await answer.textContent()) ?? '';
}
