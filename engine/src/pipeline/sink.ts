// Where the stream ends: writes tensors into the output directory, and after every block a line in a journal, so that a killed job can go on
// after the last finished block. The journal is only written when the tensors it speaks of are safe on the disk. Tensors of a part whose length nobody knows
// beforehand (sparse outliers) wait in memory until the part is finished, and become a file of their own then.
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlockTraining } from '@quantwright/schemas/rpc/engine';
import { dtypeBytes } from '../checkpoint/dtype.ts';
import type { TensorInfo } from '../checkpoint/header.ts';
import { type CheckpointWriter, createCheckpoint, type WholeTensor } from '../checkpoint/sharded-writer.ts';
import type { TensorPlace, TensorPlan } from '../checkpoint/writer.ts';
import { EngineError, fileError } from '../errors.ts';

export interface ModuleRecord {
  readonly module: string;
  /** null for Infinity, which JSON cannot say. */
  readonly sqnrDb: number | null;
  /** Of its tensors as they were written. */
  readonly bytes: number;
  /** Bits a weight as the method counts them, where it has a formula of its own. */
  readonly averageBits?: number;
}

/** What is to be told of a part once the job is done, whichever run made it. */
export interface PartRecord {
  readonly modules: readonly ModuleRecord[];
  readonly warnings: readonly string[];
  /** Of a block that was trained. */
  readonly training?: BlockTraining;
}

export interface ModelSink {
  /** Parts (`others`, `block 0` ...) that an earlier run finished, with what it measured. */
  readonly finished: ReadonlyMap<string, PartRecord>;
  /** The files as far as they are written; tensors of finished parts, and those that were written since, can be read there. */
  readonly written: readonly string[];
  readonly files: readonly string[];
  readonly fileBytes: number;
  /** A tensor that waits for the end of its part; undefined for all others. */
  waiting(name: string): { readonly info: TensorInfo; readonly data: Uint8Array } | undefined;
  write(name: string, data: ArrayBufferView | Iterable<ArrayBufferView>): Promise<void>;
  /** For who writes a tensor into its file by itself, before the part is finished. */
  claim(name: string): TensorPlace;
  /** Every tensor of the part was written. The disk is waited for while the next part is made: this rejects with what became of the part before. */
  finishPart(part: string, record: PartRecord): Promise<void>;
  /** All parts are there: gives the files their names. */
  finish(): Promise<void>;
  abort(): Promise<void>;
}

export interface SinkPart {
  readonly part: string;
  readonly tensors: readonly TensorPlan[];
}

/** Bytes of tensors in one file: what published models use, so that a shard fits every file system and downloads in one piece. */
export const maxShardBytes = 5_000_000_000;
const journalFile = 'journal.jsonl';

/** `resumed`: the directory holds what an earlier run of the same plan left. */
export async function createSink(directory: string, parts: readonly SinkPart[], resumed: boolean): Promise<ModelSink> {
  const journal = join(directory, journalFile);
  const finished = resumed ? await readJournal(journal) : new Map<string, PartRecord>();
  // A line that was cut short would spoil the one behind it.
  if (resumed) await writeFile(journal, [...finished].map(([part, record]) => `${JSON.stringify({ part, record })}\n`).join(''));
  const kept = new Set(parts.filter(({ part }) => finished.has(part)).flatMap(({ tensors }) => tensors.map((tensor) => tensor.name)));
  const late = new Map(parts.flatMap(({ tensors }) => tensors.filter((tensor) => tensor.late === true).map((tensor) => [tensor.name, tensor])));
  const lateParts = parts.filter(({ tensors }) => tensors.some(({ name }) => late.has(name))).map(({ part }) => part);
  const writer: CheckpointWriter = await createCheckpoint(
    directory,
    parts.flatMap(({ tensors }) => tensors.filter(({ name }) => !late.has(name))),
    { maxShardBytes, kept, added: lateParts.length },
  );
  const adopted: string[] = [];
  try {
    for (const [index, part] of lateParts.entries()) if (finished.has(part)) adopted.push(await writer.adopt(index));
  } catch (cause) {
    await writer.abort();
    throw cause;
  }
  const waiting = new Map<string, WholeTensor>();
  let settled = Promise.resolve();
  return {
    finished,
    written: [...writer.temporaries, ...adopted],
    files: writer.files,
    get fileBytes() {
      return writer.fileBytes;
    },
    waiting: (name) => {
      const tensor = waiting.get(name);
      if (tensor === undefined) return undefined;
      const { dtype, shape, data } = tensor;
      return { info: { name, dtype, shape, file: directory, offset: 0, bytes: data.byteLength }, data };
    },
    write: async (name, data) => {
      const planned = late.get(name);
      if (planned === undefined) return writer.write(name, data);
      if (waiting.has(name) || !(data instanceof Uint8Array))
        throw new EngineError('internal', `tensor ${name} was written before, or in pieces`, { tensor: name });
      waiting.set(name, { name, dtype: planned.dtype, shape: [data.byteLength / dtypeBytes(planned.dtype)], data });
    },
    claim: (name) => writer.claim(name),
    finishPart: async (part, record) => {
      await settled;
      const index = lateParts.indexOf(part);
      // In the order of the plan, whatever order they came in.
      const added = parts.find((one) => one.part === part)?.tensors.flatMap(({ name }) => waiting.get(name) ?? []) ?? [];
      waiting.clear();
      settled = (async () => {
        await writer.sync();
        if (index !== -1) await writer.add(index, added);
        await appendDurably(journal, `${JSON.stringify({ part, record })}\n`);
      })();
      // Its failure is for the next call; nobody listens until then.
      settled.catch(() => {});
    },
    finish: async () => {
      await settled;
      await writer.finish();
      await rm(journal, { force: true });
    },
    abort: async () => {
      await settled.catch(() => {});
      await writer.abort();
    },
  };
}

async function appendDurably(file: string, line: string): Promise<void> {
  try {
    const handle = await open(file, 'a');
    try {
      await handle.writeFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileError('write', file, cause);
  }
}

/** A last line that was cut short counts as not written. */
async function readJournal(file: string): Promise<Map<string, PartRecord>> {
  const finished = new Map<string, PartRecord>();
  const text = await readFile(file, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    try {
      const entry = JSON.parse(line) as { readonly part: string; readonly record: PartRecord };
      finished.set(entry.part, entry.record);
    } catch {
      break;
    }
  }
  return finished;
}
