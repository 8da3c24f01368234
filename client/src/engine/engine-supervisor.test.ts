// The processes here are inputs: small programs that behave as a broken or foreign engine would.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect, protocolVersion } from '@quantwright/schemas/rpc/engine';
import { EngineStoppedError, EngineUnavailableError } from './engine-error.ts';
import { launchEngine } from './engine-process.ts';
import { type EngineCrash, EngineSupervisor } from './engine-supervisor.ts';

const folder = mkdtempSync(join(tmpdir(), 'quantwright-supervisor-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const jsonrpc = JSON.stringify(createRequire(import.meta.url).resolve('vscode-jsonrpc/node'));

function program(name: string, protocol: number, afterReady: string): () => ReturnType<typeof launchEngine> {
  const entry = join(folder, `${name}.cjs`);
  writeFileSync(
    entry,
    `const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require(${jsonrpc});
const connection = createMessageConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout));
connection.onRequest('engine/shutdown', () => { setImmediate(() => process.exit(0)); return null; });
connection.onRequest('engine/inspect', (params) => { ${afterReady} });
connection.listen();
connection.sendNotification('engine/ready', { protocol: ${protocol}, version: '0.0.0', pid: process.pid, simd: null, simdReason: null, cuda: null, cudaReason: null });
`,
  );
  return () => launchEngine({ entry, execPath: process.execPath, env: process.env, log: () => {} });
}

test('a request that a crash cuts off is rejected with the signal, named as lost, and the next one reaches a new process', async () => {
  const engine = new EngineSupervisor(
    program('crash', protocolVersion, "if (params.path === 'die') process.kill(process.pid, 'SIGKILL'); return { path: params.path, pid: process.pid };"),
  );
  try {
    const crashes: EngineCrash[] = [];
    engine.onDidCrash((crash) => crashes.push(crash));
    await engine.request(inspect, { path: 'first' }, { label: 'first look' });
    const pidBefore = engine.state.tag === 'running' ? engine.state.engine.pid : 0;
    await assert.rejects(engine.request(inspect, { path: 'die' }, { label: 'inspecting die' }), (error: unknown) => {
      assert.ok(error instanceof EngineStoppedError);
      assert.match(error.reason, /SIGKILL/);
      return true;
    });
    assert.equal(crashes.length, 1);
    assert.deepEqual(crashes[0]?.lost, ['inspecting die']);
    assert.equal(crashes[0]?.willRestart, true);
    const report = await engine.request(inspect, { path: 'second' }, { label: 'second look' });
    assert.equal(report.path, 'second');
    const pidAfter = engine.state.tag === 'running' ? engine.state.engine.pid : 0;
    assert.notEqual(pidAfter, pidBefore);
  } finally {
    await engine.stop();
  }
});

test('an engine of another protocol is refused at once, with both numbers', async () => {
  const engine = new EngineSupervisor(program('foreign', 99, 'return null;'));
  await assert.rejects(engine.request(inspect, { path: 'x' }, { label: 'inspecting x' }), (error: unknown) => {
    assert.ok(error instanceof EngineUnavailableError);
    assert.match(error.message, /protocol 99/);
    assert.match(error.message, new RegExp(`protocol ${protocolVersion}`));
    return true;
  });
  assert.equal(engine.state.tag, 'failed');
  await engine.stop();
});

test('stopping is not a crash, and restart starts another process', async () => {
  const engine = new EngineSupervisor(program('steady', protocolVersion, 'return { path: params.path };'));
  try {
    let crashes = 0;
    engine.onDidCrash(() => crashes++);
    await engine.request(inspect, { path: 'x' }, { label: 'x' });
    const before = engine.state.tag === 'running' ? engine.state.engine.pid : 0;
    await engine.restart();
    const pid = engine.state.tag === 'running' ? engine.state.engine.pid : 0;
    assert.notEqual(pid, 0);
    assert.notEqual(pid, before);
    assert.equal(crashes, 0);
  } finally {
    await engine.stop();
  }
});
