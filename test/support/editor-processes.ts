// The processes below the VS Code server, read from /proc: how a journey finds the engine it is to kill, and how the runner knows that
// a closed window left none behind. Linux only, as the server build is.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

/** Every descendant of `root`, nearest first. */
export function descendants(root: number): readonly ProcessInfo[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
  const found: ProcessInfo[] = [];
  for (let parents = new Set([root]); parents.size > 0; ) {
    const children = all.filter((process) => parents.has(process.parent));
    found.push(...children);
    parents = new Set(children.map((process) => process.pid));
  }
  return found;
}

/** The engine processes of our extension: Node running the packaged engine.js. */
export function engineProcesses(root: number): readonly ProcessInfo[] {
  return descendants(root).filter(({ command }) => command.some((argument) => basename(argument) === 'engine.js'));
}

/** VS Code's extension hosts, one per open window. */
export function extensionHosts(root: number): readonly ProcessInfo[] {
  return descendants(root).filter(({ command }) => command.includes('--type=extensionHost'));
}

function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses; the fields after the last one are "state parent ...".
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    return { pid, parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  } catch {
    return undefined; // it ended while we looked
  }
}
