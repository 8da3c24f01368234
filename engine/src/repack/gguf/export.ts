// The last step of a job with save_format gguf: the complete model in its working directory becomes one GGUF file, and nothing else stays.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { bytesOfType, isGgufType } from '../../checkpoint/gguf/types.ts';
import { openModelSource } from '../model-source.ts';
import { planGguf } from './plan-gguf.ts';

export interface ExportedGguf {
  readonly bytes: number;
  readonly warnings: readonly string[];
  /** Type of every quantized linear, by module. */
  readonly types: ReadonlyMap<string, string>;
  /** Bytes of its blocks. */
  readonly moduleBytes: ReadonlyMap<string, number>;
}

/** Named after the model that was quantized. Throws as planGguf. `keep`: a file that goes with any result. */
export async function exportGguf(
  directory: string,
  name: string,
  binding: NativeBinding,
  signal: AbortSignal | undefined,
  keep: (file: string) => boolean,
): Promise<ExportedGguf> {
  const before = await readdir(directory);
  const source = await openModelSource(directory, binding);
  try {
    const plan = await planGguf({ ...source, name }, false, { signal });
    const { bytes, warnings, types = new Map<string, string>() } = await plan.write(directory);
    for (const file of before) if (!/^(LICEN[CS]E|NOTICE)/i.test(file) && !keep(file)) await rm(join(directory, file), { force: true });
    const moduleBytes = source.modules.map(({ module, rows, cols }): readonly [string, number] => {
      const type = types.get(module) ?? '';
      return [module, isGgufType(type) ? bytesOfType(type, rows * cols) : 0];
    });
    return { bytes, warnings, types, moduleBytes: new Map(moduleBytes) };
  } finally {
    source.close();
  }
}
