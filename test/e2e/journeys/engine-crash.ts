import assert from 'node:assert/strict';
import { writeLargeModel } from '../../support/editor-large-model.ts';
import { poll } from '../../support/editor-poll.ts';
import { engineProcesses } from '../../support/editor-processes.ts';
import { chatWith, finishedAnswer, growingAnswer, send } from '../chat-steps.ts';
import { quillDir, writeTargets } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

export const engineCrash: Journey = {
  title: 'an engine killed in mid-chat is told, started again, and answers the next message',

  async prepare(workspace) {
    await writeTargets(workspace, [], { 'workbench.colorTheme': 'Default Dark Modern' });
    await workspace.copy(quillDir, 'model');
    // Slow enough to be killed in the middle of an answer.
    await writeLargeModel(workspace.path('slow'), quillDir);
  },

  async play({ workbench, serverPid, screenshot }) {
    const panel = await chatWith(workbench, 'slow');
    await send(panel, 'Tell me a story about a cat.');
    await growingAnswer(panel, 0);
    const [engine] = engineProcesses(serverPid);
    assert.ok(engine !== undefined, 'an engine runs');
    process.kill(engine.pid, 'SIGKILL');

    await workbench.notification('The Quantwright engine stopped; it is being restarted').waitFor();
    await panel
      .getByRole('alert')
      .filter({ hasText: /engine stopped.*SIGKILL/ })
      .waitFor();
    await screenshot('told');
    await poll('another engine', () => engineProcesses(serverPid).some(({ pid }) => pid !== engine.pid));
    await panel.getByRole('alert').filter({ hasText: 'it was restarted' }).waitFor();
    await workbench.notification(/SIGKILL\. It was restarted\. Lost: the answer of slow/).waitFor();
    assert.equal(await workbench.notification('it is being restarted').count(), 0, 'nothing says any more that it will be');
    await screenshot('restarted');
    assert.equal(await panel.locator('.message.user').textContent(), 'Tell me a story about a cat.', 'the conversation is kept');

    await chatWith(workbench, 'model');
    await send(panel, 'What is 12 + 9?');
    assert.match(await finishedAnswer(panel, 1), /21/);
  },
};
