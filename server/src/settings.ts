// Settings of the client, read defensively: initializationOptions and the `quantwright` section of workspace/configuration.
// What a client leaves out keeps its former value, so that `readNeighbours: false` given at start survives a later pull.
import { codeProblem, isSeverity } from '@quantwright/schemas/check/side-file';
import type { SeveritySettings } from '@quantwright/schemas/check/types';
import type { RuntimeId, Target } from '@quantwright/schemas/hardware/target';
import type { ServerSettings } from '@quantwright/schemas/rpc/server';

export interface ReadSettings {
  readonly settings: Required<ServerSettings>;
  /** What could not be used, in words for the log. */
  readonly problems: readonly string[];
}

export const defaultSettings: Required<ServerSettings> = { targets: [], modelDirectory: null, readNeighbours: true, severity: {}, suppress: [] };

export function readSettings(value: unknown, before: Required<ServerSettings>, runtimes: readonly RuntimeId[]): ReadSettings {
  if (!isRecord(value)) return { settings: before, problems: [] };
  const problems: string[] = [];
  // Some editors send one settings object for everything, with the section inside.
  const section = isRecord(value['quantwright']) ? value['quantwright'] : value;
  const { targets, modelDirectory, readNeighbours, severity, suppress } = section;
  return {
    settings: {
      targets: targets === undefined || targets === null ? before.targets : readTargets(targets, runtimes, problems),
      modelDirectory: readDirectory(modelDirectory, before.modelDirectory, problems),
      readNeighbours: typeof readNeighbours === 'boolean' ? readNeighbours : before.readNeighbours,
      severity: isNothing(severity) ? before.severity : readSeverity(severity, problems),
      suppress: isNothing(suppress) ? before.suppress : readSuppress(suppress, problems),
    },
    problems,
  };
}

function readTargets(value: unknown, runtimes: readonly RuntimeId[], problems: string[]): readonly Target[] {
  if (!Array.isArray(value)) {
    problems.push('quantwright.targets: expected a list of { runtime, version, device, tensorParallel }; the list is taken as empty.');
    return [];
  }
  return value.flatMap((entry: unknown, index) => {
    const target = readTarget(entry, runtimes);
    if (typeof target !== 'string') return [target];
    problems.push(`quantwright.targets[${index}]: ${target}; this target is left out.`);
    return [];
  });
}

/** The target, or what is wrong with it. */
function readTarget(value: unknown, runtimes: readonly RuntimeId[]): Target | string {
  if (!isRecord(value)) return 'expected an object';
  const runtime = runtimes.find((id) => id === value['runtime']);
  if (runtime === undefined) return `unknown runtime ${JSON.stringify(value['runtime'])}, expected one of ${runtimes.join(', ')}`;
  const version = value['version'] ?? null;
  if (version !== null && typeof version !== 'string') return 'version must be a string or null';
  const device = value['device'] ?? null;
  if (device !== null && typeof device !== 'string') return 'device must be a string or null';
  const tensorParallel = value['tensorParallel'] ?? 1;
  if (typeof tensorParallel !== 'number' || !Number.isInteger(tensorParallel) || tensorParallel < 1) return 'tensorParallel must be a whole number from 1';
  return { runtime, version: version === '' ? null : version, device: device === '' ? null : device, tensorParallel };
}

function readSeverity(value: unknown, problems: string[]): SeveritySettings {
  if (!isRecord(value)) {
    problems.push('quantwright.severity: expected an object such as { "QC012": "warning" }; it is taken as empty.');
    return {};
  }
  const entries = Object.entries(value).flatMap(([code, severity]) => {
    const problem = codeProblem(code);
    if (problem === null && isSeverity(severity)) return [[code, severity] as const];
    problems.push(`quantwright.severity: ${problem ?? `${code} must be error, warning, information, hint or off`}; this entry is left out.`);
    return [];
  });
  return Object.fromEntries(entries);
}

function readSuppress(value: unknown, problems: string[]): readonly string[] {
  if (!Array.isArray(value)) {
    problems.push('quantwright.suppress: expected a list of codes such as ["QC012"]; it is taken as empty.');
    return [];
  }
  return value.filter((code: unknown): code is string => {
    const problem = typeof code === 'string' ? codeProblem(code) : `${JSON.stringify(code)} is no code`;
    if (problem !== null) problems.push(`quantwright.suppress: ${problem}; this entry is left out.`);
    return problem === null;
  });
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function readDirectory(value: unknown, before: string | null, problems: string[]): string | null {
  if (value === undefined) return before;
  if (value === null || value === '') return null;
  if (typeof value === 'string') return value;
  problems.push('quantwright.modelDirectory: expected a path; it is ignored.');
  return before;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
