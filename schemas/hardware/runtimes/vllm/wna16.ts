// Packed integer weights with 16-bit activations on CUDA: which kernel takes a linear, in the order in which vLLM asks them
// (vllm/model_executor/kernels/linear/mixed_precision :: can_implement). Kernels of extra packages (Conch, Humming) are left out.
import type { ModelShape } from '../../../checkpoint/model-shape.ts';
import type { WeightRecipe } from '../../../recipe/recipe.ts';
import { type Partition, partitionName, partitionsOf } from '../../partition.ts';
import type { Job } from './job.ts';

export const MARLIN_GROUPS: readonly number[] = [-1, 32, 64, 128];

const FOLDER = 'vllm-project/vllm vllm/model_executor/kernels/linear/mixed_precision';

/** A linear to compute; sizes left out: the model is not known, and they are taken to fit. */
interface Asked {
  readonly job: Job;
  readonly weights: WeightRecipe;
  readonly size: Pick<Partition, 'k' | 'n' | 'rowSplit'> | null;
}

interface Kernel {
  readonly name: string;
  readonly source: string;
  readonly fits: (asked: Asked, capability: number) => boolean;
}

const machete: Kernel = {
  name: 'Machete',
  source: `${FOLDER}/machete.py`,
  // In 0.10 AWQ has a class of its own, which knows Marlin alone (quantization/awq_marlin.py).
  fits: ({ job, weights, size }, capability) =>
    capability === 90 &&
    (job.era === 'now' || job.input.recipe.scheme !== 'awq') &&
    [-1, 64, 128].includes(weights.groupSize) &&
    multiple(size, 64, 128) &&
    !(weights.descAct && size?.rowSplit === true),
};
const allSpark: Kernel = {
  name: 'AllSpark',
  source: `${FOLDER}/allspark.py`,
  fits: ({ weights, size }, capability) =>
    capability >= 80 && capability <= 89 && weights.bits === 8 && weights.symmetric && weights.groupSize === -1 && !weights.descAct && multiple(size, 16, 16),
};
const marlin: Kernel = {
  name: 'Marlin',
  source: `${FOLDER}/marlin.py`,
  // 0.10 asks for whole tiles; now they are padded. Asymmetric weights only with 4 bits: with 8 nothing was read.
  fits: ({ job, weights, size }, capability) =>
    capability >= (job.era === 'now' ? 75 : 80) &&
    MARLIN_GROUPS.includes(weights.groupSize) &&
    (weights.symmetric || weights.bits === 4) &&
    (job.era === 'now' || multiple(size, 128, 64)),
};
const exllama: Kernel = {
  name: 'Exllama',
  source: `${FOLDER}/exllama.py`,
  fits: ({ job, weights, size }, capability) =>
    capability >= 60 &&
    weights.symmetric &&
    weights.groupSize > 0 &&
    job.input.model?.dtype === 'float16' &&
    multiple(size, weights.groupSize, 32 / weights.bits) &&
    !(weights.descAct && size?.rowSplit === true),
};

const KERNELS: readonly Kernel[] = [machete, allSpark, marlin, exllama];

export interface KernelChoice {
  readonly kernel: string;
  readonly source: string;
}

/** The kernel of one linear on a GPU; null: none of those that were read. */
export function kernelOf(job: Job, capability: number, weights: WeightRecipe, size: Asked['size']): KernelChoice | null {
  const asked: Asked = { job, weights, size };
  const found = weights.dtype === 'int' && (weights.bits === 4 || weights.bits === 8) ? KERNELS.find(({ fits }) => fits(asked, capability)) : undefined;
  return found === undefined ? null : { kernel: found.name, source: found.source };
}

/** `Machete; Marlin for down_proj`: the kernels of a model's linears outside its experts. Null: one has none. */
export function kernelsOf(job: Job): KernelChoice | null {
  const { input, capability } = job;
  const { recipe, model, target } = input;
  if (capability === null) {
    return { kernel: 'Marlin, or Machete on compute capability 9.0', source: `${FOLDER}/__init__.py` };
  }
  const partitions = model === null ? [] : partitionsOf(recipe, model, target.tensorParallel).filter(({ expert }) => !expert);
  const asked =
    partitions.length === 0
      ? [{ weights: recipe.weights, size: null, names: '' }]
      : partitions.map((one) => ({ weights: one.weights, size: one, names: partitionName(one) }));
  const chosen = new Map<string, { source: string; names: Set<string> }>();
  for (const { weights, size, names } of asked) {
    const choice = kernelOf(job, capability, weights, size);
    if (choice === null) {
      return null;
    }
    const entry = chosen.get(choice.kernel) ?? { source: choice.source, names: new Set() };
    entry.names.add(names);
    chosen.set(choice.kernel, entry);
  }
  const [first, ...rest] = [...chosen].sort(([, a], [, b]) => b.names.size - a.names.size);
  const others = rest.map(([kernel, { names }]) => `; ${kernel} for ${[...names].join(', ')}`).join('');
  return first === undefined ? null : { kernel: first[0] + others, source: first[1].source };
}

/** Machete is for Hopper alone: newer GPUs take these weights too, and run the older kernel. */
export function onlyOnHopper(weights: WeightRecipe): boolean {
  return weights.dtype === 'int' && (weights.bits === 4 || weights.bits === 8) && [-1, 64, 128].includes(weights.groupSize);
}

/** Experts that the Marlin kernel of mixtures does not take (utils/marlin_utils.py :: check_moe_marlin_supports_layer); null: it takes them. */
export function expertMisfit(model: ModelShape, weights: WeightRecipe, tensorParallel: number): { readonly width: number; readonly of: number } | null {
  const down = model.linears.find(({ kind, module }) => kind === 'down_proj' && module.includes('{e}'));
  if (down === undefined) {
    return null;
  }
  const of = Math.max(64, weights.groupSize);
  const width = down.in / tensorParallel;
  return model.hiddenSize % 128 === 0 && width % of === 0 ? null : { width, of };
}

function multiple(size: Asked['size'], k: number, n: number): boolean {
  return size === null || (size.k % k === 0 && size.n % n === 0);
}
