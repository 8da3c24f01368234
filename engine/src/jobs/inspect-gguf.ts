// What a GGUF file (or the parts of one) holds, from its header. Of architectures that do not run here too.
import type { InspectReport } from '@quantwright/schemas/rpc/engine';
import { openGguf } from '../checkpoint/gguf/file.ts';
import type { GgufTensor } from '../checkpoint/gguf/header.ts';
import { quantizedTypes } from '../checkpoint/gguf/types.ts';

/** Throws kind `input`, `io` or `checkpoint`. */
export async function inspectGguf(path: string): Promise<InspectReport> {
  const { fileBytes, metadata, tensors } = await openGguf(path);
  const all = [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const linears = all.filter((tensor) => tensor.name.startsWith('blk.') && tensor.shape.length > 1);
  const counted = linears.length > 0 ? linears : all;
  const architecture = metadata.text('general.architecture');
  const types = quantizedTypes(linears);
  return {
    path,
    architecture,
    parameters: sum(all, weightsOf),
    fileBytes,
    quantization: types.length === 0 ? null : `gguf ${types.join(' + ')}`,
    runsIn: null,
    bitsPerWeight: (8 * sum(counted, ({ bytes }) => bytes)) / Math.max(sum(counted, weightsOf), 1),
    contextLength: architecture === null ? null : metadata.count(`${architecture}.context_length`),
    hasChatTemplate: metadata.text('tokenizer.chat_template') !== null,
    tensors: all.map(({ name, type, shape, bytes, file }) => ({ name, dtype: type, shape, bytes, file })),
  };
}

function weightsOf({ shape }: GgufTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}

function sum(tensors: readonly GgufTensor[], of: (tensor: GgufTensor) => number): number {
  return tensors.reduce((total, tensor) => total + of(tensor), 0);
}
