import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import { defaultSettings, readSettings } from './settings.ts';

const ids = runtimes.map((runtime) => runtime.id);

test('a target needs only its runtime', () => {
  const { settings, problems } = readSettings({ targets: [{ runtime: 'dashinfer' }] }, defaultSettings, ids);
  assert.deepEqual(settings.targets, [{ runtime: 'dashinfer', version: null, device: null, tensorParallel: 1 }]);
  assert.deepEqual(problems, []);
});

test('settings with the section inside are the same settings', () => {
  const { settings } = readSettings({ quantwright: { modelDirectory: 'm' } }, defaultSettings, ids);
  assert.equal(settings.modelDirectory, 'm');
});

test('what a client leaves out keeps its value, so an untrusted workspace stays without reads', () => {
  const untrusted = readSettings({ readNeighbours: false, modelDirectory: 'm' }, defaultSettings, ids).settings;
  const later = readSettings({ targets: [{ runtime: 'quantwright' }] }, untrusted, ids).settings;
  assert.equal(later.readNeighbours, false);
  assert.equal(later.modelDirectory, 'm');
  assert.equal(readSettings({ modelDirectory: null }, later, ids).settings.modelDirectory, null);
});

const refused: readonly (readonly [unknown, RegExp])[] = [
  [[{ runtime: 'nonesuch' }], /targets\[0\]: unknown runtime "nonesuch"/],
  [[{ runtime: 'dashinfer' }, { runtime: 'dashinfer', tensorParallel: 0 }], /targets\[1\]: tensorParallel/],
  [['dashinfer'], /targets\[0\]: expected an object/],
  ['dashinfer', /expected a list/],
  [[{ runtime: 'dashinfer', device: 7 }], /device must be a string/],
];
for (const [targets, message] of refused) {
  test(`targets ${JSON.stringify(targets)} are told apart with ${message.source}`, () => {
    const { settings, problems } = readSettings({ targets }, defaultSettings, ids);
    assert.match(problems.join('\n'), message);
    assert.ok(settings.targets.every((target) => target.runtime === 'dashinfer'));
  });
}

for (const nonsense of [null, undefined, 3, 'x', []]) {
  test(`settings that are ${JSON.stringify(nonsense)} change nothing`, () => {
    assert.deepEqual(readSettings(nonsense, defaultSettings, ids), { settings: defaultSettings, problems: [] });
  });
}

test('severities and suppressed codes are read, and slips are named', () => {
  const { settings, problems } = readSettings(
    { severity: { QC012: 'hint', QC999: 'off', QC001: 'loud' }, suppress: ['QC023', 'QC998', 7] },
    defaultSettings,
    ids,
  );
  assert.deepEqual(settings.severity, { QC012: 'hint' });
  assert.deepEqual(settings.suppress, ['QC023']);
  assert.equal(problems.length, 4, problems.join(' / '));
  assert.match(readSettings({ severity: [], suppress: 'QC001' }, defaultSettings, ids).problems.join(' '), /severity: expected.*suppress: expected/);
});
