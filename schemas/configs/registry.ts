// Every config format the check service knows, in the order in which they are asked. The first that recognises a file has it.
import type { ConfigFormat } from './config-format.ts';

export const formats: readonly ConfigFormat[] = [];

export function findFormat(id: string): ConfigFormat | null {
  return formats.find((format) => format.id === id) ?? null;
}
