// Runs an automaton over bytes, all ways to read a text at once. What is read so far is a state: a set of stacks of nodes. Stacks share their lower parts and
// are numbered, and so are sets of them, so a state is an integer, and where it goes on with a byte is looked up after the first time.
import type { Automaton } from './automaton.ts';

export interface Recognizer {
  readonly start: number;
  /** State after a byte; -1 when no text goes on like that. */
  next(state: number, byte: number): number;
  /** Whether the text may end here. */
  accepts(state: number): boolean;
  /** Whether any byte may follow. */
  continues(state: number): boolean;
}

const unknown = -2;
const bottom = -1;

export function createRecognizer({ nodes, start, productive, classOf, classes, byteOf }: Automaton): Recognizer {
  // A stack is a node and the stack below it, where its rule goes on when it has ended.
  const stackNode: number[] = [];
  const stackBelow: number[] = [];
  const stackIds = new Map<number, Map<number, number>>();
  const stackOf = (node: number, below: number): number => {
    let ids = stackIds.get(below);
    if (ids === undefined) {
      ids = new Map();
      stackIds.set(below, ids);
    }
    let id = ids.get(node);
    if (id === undefined) {
      id = stackNode.push(node) - 1;
      stackBelow.push(below);
      ids.set(node, id);
    }
    return id;
  };

  // States: stacks whose node waits for a byte, and whether the text may end.
  const members: (readonly number[])[] = [];
  const accepting: boolean[] = [];
  const transitions: Int32Array[] = [];
  const stateIds = new Map<string, number>();

  /** Follows everything that needs no byte. */
  const settle = (stacks: number[]): number => {
    const seen = new Set(stacks);
    const waiting: number[] = [];
    let ends = false;
    const push = (stack: number): void => {
      if (seen.has(stack)) return;
      seen.add(stack);
      stacks.push(stack);
    };
    for (let stack = stacks.pop(); stack !== undefined; stack = stacks.pop()) {
      const at = stackNode[stack] ?? 0;
      const below = stackBelow[stack] ?? bottom;
      const node = nodes[at];
      if (node === undefined || !productive[at]) continue;
      if (node.kind === 'byte') waiting.push(stack);
      else if (node.kind === 'split') for (const next of node.next) push(stackOf(next, below));
      else if (node.kind === 'call') {
        // A call at the very end of a rule leaves nothing to come back to: lists as long as one likes keep a small stack.
        push(stackOf(node.start, nodes[node.next]?.kind === 'end' ? below : stackOf(node.next, below)));
      } else if (below === bottom) ends = true;
      else push(below);
    }
    if (waiting.length === 0 && !ends) return -1;
    waiting.sort((a, b) => a - b);
    const key = `${ends ? '$' : ''}${waiting.join(' ')}`;
    const known = stateIds.get(key);
    if (known !== undefined) return known;
    const id = members.push(waiting) - 1;
    accepting.push(ends);
    transitions.push(new Int32Array(classes).fill(unknown));
    stateIds.set(key, id);
    return id;
  };

  const move = (state: number, byte: number): number => {
    const stacks = new Set<number>();
    for (const stack of members[state] ?? []) {
      const node = nodes[stackNode[stack] ?? 0];
      if (node?.kind === 'byte' && node.ranges.some(([low, high]) => low <= byte && byte <= high)) stacks.add(stackOf(node.next, stackBelow[stack] ?? bottom));
    }
    return settle([...stacks]);
  };

  return {
    start: settle([stackOf(start, bottom)]),
    next: (state, byte) => {
      const row = transitions[state];
      const kind = classOf[byte] ?? 0;
      if (row === undefined) return -1;
      let to = row[kind] ?? -1;
      if (to === unknown) {
        to = move(state, byteOf[kind] ?? byte);
        row[kind] = to;
      }
      return to;
    },
    accepts: (state) => accepting[state] ?? false,
    continues: (state) => (members[state]?.length ?? 0) > 0,
  };
}
