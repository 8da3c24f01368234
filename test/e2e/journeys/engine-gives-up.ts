import assert from 'node:assert/strict';
import { poll } from '../../support/editor-poll.ts';
import { engineProcesses } from '../../support/editor-processes.ts';
import { chatWith, finishedAnswer, send } from '../chat-steps.ts';
import { int8Config, quillDir } from '../fixtures.ts';
import type { Journey } from '../journey.ts';

/** The restarts wait 1, 2, 4 and 8 seconds; starting a process may take a while on top. */
const nextEngineTimeoutMs = 60_000;

export const engineGivesUp: Journey = {
  title: 'an engine that crashes five times within a minute stays down, says so, and comes back by the button of that message',

  async prepare(workspace) {
    await workspace.copy(quillDir, 'quill');
    await workspace.write('weights.quant.json', int8Config);
  },

  async play({ workbench, serverPid, screenshot }) {
    await workbench.run('Quantwright: Restart Engine');
    const killed = new Set<number>();
    while (killed.size < 5) {
      const engine = await poll(`engine number ${killed.size + 1}`, () => engineProcesses(serverPid).find(({ pid }) => !killed.has(pid)), nextEngineTimeoutMs);
      process.kill(engine.pid, 'SIGKILL');
      killed.add(engine.pid);
    }
    const message = workbench.notification('stopped too often within a minute');
    await message.waitFor();
    assert.equal(await workbench.notification('it is being restarted').count(), 0);
    await screenshot('down');
    assert.deepEqual(engineProcesses(serverPid), [], 'no engine was started again');

    await message.getByRole('button', { name: 'Restart Engine' }).click();
    await workbench.notification('The Quantwright engine was restarted.').waitFor();
    const panel = await chatWith(workbench, 'quill');
    await send(panel, 'What is 12 + 9?');
    assert.match(await finishedAnswer(panel, 0), /21/);
  },
};
