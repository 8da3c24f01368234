// The dialogue of Select Target: which targets there are, then runtime -> device -> tensor parallel size of a new one.

import type { RuntimeId, Target } from '@quantwright/schemas/hardware/target';
import type { TargetChoices } from '@quantwright/schemas/rpc/server';
import { type QuickPickItem, QuickPickItemKind, window } from 'vscode';
import { deviceDetail, sameTarget, targetLabel } from './targets.ts';

type Action = { readonly kind: 'add' } | { readonly kind: 'clear' } | { readonly kind: 'remove'; readonly target: Target };
type ActionItem = QuickPickItem & { readonly action?: Action };
type DeviceItem = QuickPickItem & { readonly device: string | null };

/** The new list of targets; undefined when the user leaves. */
export async function selectTargets(choices: TargetChoices, kept: readonly Target[]): Promise<readonly Target[] | undefined> {
  const action = kept.length === 0 ? { kind: 'add' as const } : await pickAction(kept);
  if (action === undefined) return undefined;
  if (action.kind === 'clear') return [];
  if (action.kind === 'remove') return kept.filter((target) => !sameTarget(target, action.target));
  const added = await pickTarget(choices);
  if (added === undefined) return undefined;
  return kept.some((target) => sameTarget(target, added)) ? kept : [...kept, added];
}

async function pickAction(kept: readonly Target[]): Promise<Action | undefined> {
  const items: ActionItem[] = [
    { label: '$(add) Add a target', action: { kind: 'add' } },
    { label: 'Targets of this workspace', kind: QuickPickItemKind.Separator },
    ...kept.map((target) => ({ label: `$(trash) Remove ${targetLabel(target)}`, action: { kind: 'remove' as const, target } })),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: '$(clear-all) Remove all targets', action: { kind: 'clear' } },
  ];
  return (await window.showQuickPick(items, { title: 'Quantization targets', placeHolder: 'Configs are judged for every target in this list' }))?.action;
}

async function pickTarget(choices: TargetChoices): Promise<Target | undefined> {
  const runtime = await window.showQuickPick(
    choices.runtimes.map(({ id, name, versions }) => ({ label: id, description: name === id ? '' : name, detail: versions.join(', '), versions })),
    { title: 'Target (1/3): runtime', placeHolder: 'Which runtime will run the quantized model?', matchOnDescription: true },
  );
  if (runtime === undefined) return undefined;
  const device = await pickDevice(choices);
  if (device === undefined) return undefined;
  const size = await window.showQuickPick(
    [1, 2, 4, 8].map((count) => ({ label: String(count), description: count === 1 ? 'one device' : `every layer is split over ${count} devices`, count })),
    { title: 'Target (3/3): tensor parallel size', placeHolder: 'Over how many devices is a layer split?' },
  );
  if (size === undefined) return undefined;
  return { runtime: runtime.label as RuntimeId, version: null, device: device.device, tensorParallel: size.count };
}

function pickDevice(choices: TargetChoices): Thenable<DeviceItem | undefined> {
  const items: DeviceItem[] = choices.devices.map((device) => ({
    label: device.name,
    description: [device.id, ...device.aliases].join(', '),
    detail: deviceDetail(device),
    device: device.id,
  }));
  items.push({ label: 'Any device', description: 'no device checks', device: null });
  return window.showQuickPick(items, { title: 'Target (2/3): device', placeHolder: 'What will it run on?', matchOnDescription: true, matchOnDetail: true });
}
