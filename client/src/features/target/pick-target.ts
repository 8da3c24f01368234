// The dialogue of Select Target: which targets there are, then runtime -> version -> devices -> tensor parallel sizes of new ones.
// Several devices and sizes may be picked at once: each pair of them is a target.
import type { Device, RuntimeId, Target } from '@quantwright/schemas/hardware/target';
import type { TargetChoices } from '@quantwright/schemas/rpc/server';
import { type QuickPickItem, QuickPickItemKind, window } from 'vscode';
import { deviceDetail, sameTarget, targetLabel } from './targets.ts';

type Action = { readonly kind: 'add' } | { readonly kind: 'clear' } | { readonly kind: 'remove'; readonly targets: readonly Target[] };
type ActionItem = QuickPickItem & { readonly action?: Action };
type DeviceItem = QuickPickItem & { readonly device: string | null | typeof thisMachine };

const thisMachine = Symbol('this machine');

/** Id of the known device that is nearest to this machine; null, after telling why, when there is none. Left out where the engine may not run. */
export type AskMachine = (devices: readonly Device[]) => Promise<string | null>;

/** The new list of targets; undefined when the user leaves. */
export async function selectTargets(choices: TargetChoices, kept: readonly Target[], askMachine: AskMachine | null): Promise<readonly Target[] | undefined> {
  const action = kept.length === 0 ? { kind: 'add' as const } : await pickAction(kept);
  if (action === undefined) return undefined;
  if (action.kind === 'clear') return [];
  if (action.kind === 'remove') return kept.filter((target) => !action.targets.some((one) => sameTarget(one, target)));
  const added = await pickTargets(choices, askMachine);
  if (added === undefined) return undefined;
  return [...kept, ...added.filter((target) => !kept.some((one) => sameTarget(one, target)))];
}

async function pickAction(kept: readonly Target[]): Promise<Action | undefined> {
  const items: ActionItem[] = [
    { label: '$(add) Add targets', action: { kind: 'add' } },
    { label: 'Targets of this workspace', kind: QuickPickItemKind.Separator },
    ...kept.map((target) => ({ label: `$(trash) Remove ${targetLabel(target)}`, action: { kind: 'remove' as const, targets: [target] } })),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: '$(clear-all) Remove all targets', action: { kind: 'clear' } },
  ];
  return (await window.showQuickPick(items, { title: 'Quantization targets', placeHolder: 'Configs are judged for every target in this list' }))?.action;
}

async function pickTargets(choices: TargetChoices, askMachine: AskMachine | null): Promise<readonly Target[] | undefined> {
  const runtime = await window.showQuickPick(
    choices.runtimes.map(({ id, name, versions }) => ({ label: id, description: name === id ? '' : name, detail: versions.join(', '), versions })),
    { title: 'Target (1/4): runtime', placeHolder: 'Which runtime will run the quantized model?', matchOnDescription: true },
  );
  if (runtime === undefined) return undefined;
  const version = await pickVersion(runtime.label, runtime.versions);
  if (version === undefined) return undefined;
  const devices = await pickDevices(choices.devices, askMachine);
  if (devices === undefined) return undefined;
  const sizes = await window.showQuickPick(
    [1, 2, 4, 8].map((count) => ({
      label: String(count),
      description: count === 1 ? 'one device' : `every layer is split over ${count} devices`,
      count,
      picked: count === 1,
    })),
    {
      title: 'Target (4/4): tensor parallel size',
      placeHolder: 'Over how many devices is a layer split? Several may be picked',
      matchOnDescription: true,
      canPickMany: true,
    },
  );
  if (sizes === undefined || sizes.length === 0) return undefined;
  return devices.flatMap((device) => sizes.map(({ count }) => ({ runtime: runtime.label as RuntimeId, version, device, tensorParallel: count })));
}

/** null: the newest known. Not asked when only one is known. */
async function pickVersion(runtime: string, versions: readonly string[]): Promise<string | null | undefined> {
  if (versions.length < 2) return null;
  const items = [
    { label: 'Newest', description: 'the newest version whose rules are known', version: null },
    ...versions.map((version) => ({ label: version, description: runtime, version })),
  ];
  return (await window.showQuickPick(items, { title: 'Target (2/4): version', placeHolder: `Which version of ${runtime}?` }))?.version;
}

async function pickDevices(devices: readonly Device[], askMachine: AskMachine | null): Promise<readonly (string | null)[] | undefined> {
  const here: DeviceItem[] =
    askMachine === null ? [] : [{ label: '$(vm) This machine', description: 'the processor that the engine finds here', device: thisMachine }];
  const items: DeviceItem[] = [
    ...here,
    ...devices.map((device) => ({
      label: device.name,
      description: [device.id, ...device.aliases].join(', '),
      detail: deviceDetail(device),
      device: device.id,
    })),
    { label: 'Any device', description: 'no device checks', device: null },
  ];
  const picked = await window.showQuickPick(items, {
    title: 'Target (3/4): devices',
    placeHolder: 'What will it run on? Several may be picked',
    matchOnDescription: true,
    matchOnDetail: true,
    canPickMany: true,
  });
  if (picked === undefined || picked.length === 0) return undefined;
  const ids: (string | null)[] = [];
  for (const { device } of picked) {
    const id = device === thisMachine ? await (askMachine?.(devices) ?? null) : device;
    if (device === thisMachine && id === null) return undefined;
    if (!ids.includes(id)) ids.push(id);
  }
  return ids;
}
