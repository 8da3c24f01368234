// Headers of a model's shards -> one table of tensors and the modules that they belong to. Pure: schemas/node/model-files.ts reads the files.
import type { TensorHeader, TensorTable } from './model-files.ts';

export interface Shard {
  /** Base name. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorHeader>;
}

/**
 * `placement`: tensor -> shard as model.safetensors.index.json says; null without one. A tensor that only the index names has no header.
 */
export function tensorTable(shards: readonly Shard[], placement: ReadonlyMap<string, string> | null, problems: readonly string[]): TensorTable {
  const tensors = new Map<string, TensorHeader | null>();
  for (const { tensors: own } of shards) {
    for (const [name, header] of own) tensors.set(name, header);
  }
  for (const name of placement?.keys() ?? []) {
    if (!tensors.has(name)) tensors.set(name, null);
  }
  return { tensors, modules: modulesOfTensors(tensors.keys()), problems };
}

/** Modules with a weight, in the order of their first tensor. */
export function modulesOfTensors(names: Iterable<string>): readonly string[] {
  const modules = new Set<string>();
  for (const name of names) {
    const module = moduleOfTensor(name);
    if (module !== null) modules.add(module);
  }
  return [...modules];
}

/** Last parts of tensor names that hold a weight, plain or packed (GPTQ, AWQ, compressed-tensors, HQQ, AQLM, MXFP4 experts). */
const WEIGHTS = ['weight', 'qweight', 'weight_packed', 'W_q', 'codes'];
/** Parts of a packed weight of experts that are one tensor: gate_up_proj_blocks. */
const PACKED_EXPERTS = /_(?:blocks|packed)$/;

function moduleOfTensor(name: string): string | null {
  const dot = name.lastIndexOf('.');
  if (dot <= 0) return null;
  const last = name.slice(dot + 1);
  if (WEIGHTS.includes(last)) return name.slice(0, dot);
  return PACKED_EXPERTS.test(last) ? name.replace(PACKED_EXPERTS, '') : null;
}

/** The file names of the shards that an index names, or why a name is no file beside it. Shard names are data from the internet. */
export function readPlacement(index: unknown): {
  readonly placement: ReadonlyMap<string, string> | null;
  readonly problem: string | null;
} {
  const map = isRecord(index) ? index['weight_map'] : null;
  if (!isRecord(map)) return { placement: null, problem: 'model.safetensors.index.json: "weight_map" is missing or not an object' };
  const placement = new Map<string, string>();
  let problem: string | null = null;
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard === 'string' && isPlainName(shard)) placement.set(tensor, shard);
    else problem ??= `model.safetensors.index.json: the shard of ${tensor} must be the name of a safetensors file beside it; it is not read`;
  }
  return { placement, problem };
}

/** No folders, no drive letters, on every system: a name that cannot lead out of the model's directory. */
export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\:\0]/.test(name) && /\.safetensors$/i.test(name);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
