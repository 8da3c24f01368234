// One program whose linears compute with rounded weights, y = (x / a) Q(W a)^T + b, on a tape: what TEQ trains. Each trained place is a norm that divides by
// a and the linears that read it; other quantized linears are rounded once and stay.
import type { NativeBinding, Op, ProgramSpec, ReplacedParameters, RtnOptions, Tape, WantedGradient } from '@quantwright/native/binding';
import type { NamedWeights } from '../../model/named-weights.ts';
import type { ScalingPair } from '../../model/scaling-pairs.ts';
import type { ModuleScheme } from '../method.ts';
import { codeBits } from '../rounding.ts';

/** Below it, alpha counts as this and has no gradient. */
const least = 1e-5;

/** A norm and its readers. `alpha` [width] is what is trained; 1 at first. */
export interface TrainedPlace {
  readonly pair: ScalingPair;
  readonly alpha: Float32Array;
}

export interface TrainedProgram {
  readonly tape: Tape;
  readonly places: readonly TrainedPlace[];
  /** Rounds the weights for the alphas as they now are. Before each run behind an update; done once when this is made. */
  round(): Promise<void>;
  /** Of the loss by the alphas of `places`, from the gradients that the tape was asked for. */
  gradients(wanted: readonly Float32Array[]): readonly Float32Array[];
}

export interface TrainedProgramOptions {
  readonly binding: NativeBinding;
  readonly program: ProgramSpec;
  readonly moduleOf: NamedWeights['moduleOf'];
  /** Only those with a norm are trained. */
  readonly pairs: readonly ScalingPair[];
  /** Of the linears that are quantized; others compute with their own weights. */
  readonly schemes: ReadonlyMap<string, ModuleScheme>;
  /** Whether the tape gives the gradient of what the program reads. */
  readonly inputGradient: boolean;
}

/** a of alpha. */
export function factorsOf(alpha: Float32Array): Float32Array {
  return alpha.map((value) => Math.max(value, least));
}

/** Matrices of the quantized linears are held twice in f32: as they are, and rounded. */
export async function createTrainedProgram(options: TrainedProgramOptions): Promise<TrainedProgram> {
  const { binding, program, moduleOf, pairs, schemes } = options;
  const ops = [...program.body, ...program.head];
  const replaced: ReplacedParameters[] = [];
  const wanted: WantedGradient[] = [];
  const norms = pairs.flatMap((pair) => (pair.producer.kind === 'norm' ? [normOf(pair, ops, moduleOf)] : []));
  for (const norm of norms) {
    replaced.push({ op: norm.op, vector: norm.divided });
    wanted.push({ op: norm.op, of: 'vector' });
  }
  const readers: { readonly place: number; readonly round: (factors: Float32Array | null) => Promise<void> }[] = [];
  for (const [index, op] of ops.entries()) {
    const module = op.op === 'linear' ? moduleOf(op.weight) : undefined;
    const scheme = module === undefined ? undefined : schemes.get(module);
    if (op.op !== 'linear' || module === undefined || scheme === undefined) continue;
    const { rows, cols } = op.weight;
    const matrix = await op.weight.dequantize();
    const rounded = new Float32Array(matrix.length);
    const rounding = rtnOptions(scheme, cols);
    const round = (factors: Float32Array | null): Promise<void> => binding.rtnValues(matrix, rows, cols, factors, rounding, rounded);
    replaced.push({ op: index, matrix: rounded });
    const place = norms.findIndex(({ pair }) => pair.consumers.includes(module));
    if (place === -1) {
      await round(null);
      continue;
    }
    readers.push({ place, round });
    wanted.push({ op: index, of: 'columns', against: matrix });
  }
  const tape = binding.createTape({ program, replaced, wanted, inputGradient: options.inputGradient });
  const places = norms.map(({ pair }) => ({ pair, alpha: new Float32Array(pair.width).fill(1) }));
  const factors = (place: number): Float32Array => factorsOf(places[place]?.alpha ?? new Float32Array());
  const round = async (): Promise<void> => {
    for (const [place, { stored, divided }] of norms.entries()) {
      const by = factors(place);
      for (const [at, value] of stored.entries()) divided[at] = value / (by[at % by.length] ?? 1);
    }
    for (const reader of readers) await reader.round(factors(reader.place));
  };
  await round();
  return {
    tape,
    places,
    round,
    gradients: (given) =>
      places.map(({ alpha }, place) => {
        const sum = new Float64Array(alpha.length);
        const by = factors(place);
        // norm / a: a layernorm's bias is divided as well.
        const { stored } = norms[place] ?? { stored: new Float32Array() };
        for (const [at, value] of stored.entries())
          sum[at % by.length] = (sum[at % by.length] ?? 0) - ((given[place]?.[at] ?? 0) * value) / (by[at % by.length] ?? 1) ** 2;
        for (const [reader, { place: own }] of readers.entries()) {
          if (own === place) for (const [at, value] of (given[norms.length + reader] ?? new Float32Array()).entries()) sum[at] = (sum[at] ?? 0) + value;
        }
        return Float32Array.from(sum, (value, at) => ((alpha[at] ?? 1) < least ? 0 : value));
      }),
  };
}

interface Norm {
  readonly pair: ScalingPair;
  readonly op: number;
  /** What the norm multiplies by, then what it adds. */
  readonly stored: Float32Array;
  /** The same over a; the tape reads it. */
  readonly divided: Float32Array;
}

/** The norm that wrote what the pair's linears read. */
function normOf(pair: ScalingPair, ops: readonly Op[], moduleOf: NamedWeights['moduleOf']): Norm {
  const reader = ops.findIndex((op) => op.op === 'linear' && pair.consumers.includes(moduleOf(op.weight) ?? ''));
  const read = ops[reader];
  const index = ops.findLastIndex((op, at) => at < reader && read?.op === 'linear' && 'out' in op && op.out === read.in);
  const op = ops[index];
  if (op?.op !== 'rmsnorm' && op?.op !== 'layernorm') throw new Error(`${pair.producer.module} is not what ${pair.consumers.join(', ')} read`);
  const stored = Float32Array.from([...op.weight, ...(op.op === 'layernorm' && op.bias !== undefined ? op.bias : [])]);
  return { pair, op: index, stored, divided: stored.slice() };
}

/** As `roundMatrix` rounds in the end; the type of the scales is left out of training. */
function rtnOptions({ weights, dialect, fullRange }: ModuleScheme, cols: number): RtnOptions {
  const asymmetric = dialect === 'instant_quant' || dialect === 'dashinfer_cpu';
  return {
    dialect,
    bits: codeBits(weights.bits),
    symmetric: !asymmetric && weights.symmetric,
    signed: weights.signed,
    groupSize: weights.groupSize === -1 ? -1 : Math.min(weights.groupSize, cols),
    fullRange,
    scaleType: 'f32',
  };
}
