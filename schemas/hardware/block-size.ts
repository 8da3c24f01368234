// Blocks of fp8 weights against the part of a layer on one device: [rows, columns] of a block share one scale, so no device may hold part of one.
// vLLM and SGLang check it alike (vllm/model_executor/layers/quantization/utils/fp8_utils.py :: validate_fp8_block_shape).
import type { LinearShape, ModelShape } from '../checkpoint/model-shape.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { linearName, piecesOf } from './divisibility.ts';
import { type JudgeInput, type Reason, targetName } from './judge.ts';
import { fusedOf, inputsOn, partsOn } from './partition.ts';

export interface BlockRules {
  /** Rule ids: rows of a block against N, columns against K. */
  readonly n: string;
  readonly k: string;
}

interface Misfit {
  readonly side: 'N' | 'K';
  readonly linear: LinearShape;
  readonly block: number;
  readonly full: number;
  readonly part: number;
}

/** Null when the blocks divide every part, or the weights have none. Side N first, as the runtimes meet it. */
export function blockProblem(input: JudgeInput, rules: BlockRules): Reason | null {
  const { recipe, model, target } = input;
  const misfits = model === null ? [] : misfitsOf(recipe, model, target.tensorParallel);
  const [first] = misfits;
  if (model === null || first === undefined) {
    return null;
  }
  const tensorParallel = target.tensorParallel;
  const split = tensorParallel > 1 ? largestBlockSplit(recipe, model, tensorParallel) : null;
  const works =
    tensorParallel === 1 ? 'it does not fit at any tensor parallel size' : split === null ? 'no tensor parallel size works' : `largest working tp is ${split}`;
  const same = misfits.filter((one) => one.side === first.side && one.block === first.block);
  return {
    rule: first.side === 'N' ? rules.n : rules.k,
    field: 'weights.block',
    message: `${targetName(input)}: weight block ${first.block} does not divide ${misfitWords(same, tensorParallel)}; ${works}.`,
    words: { part: first.part, block: first.block },
  };
}

/** The largest tensor-parallel size below the asked one that splits the heads evenly and no block. */
export function largestBlockSplit(recipe: Recipe, model: ModelShape, tensorParallel: number): number | null {
  for (let split = tensorParallel - 1; split >= 1; split -= 1) {
    if (model.heads % split === 0 && misfitsOf(recipe, model, split).length === 0) {
      return split;
    }
  }
  return null;
}

/** On one device only shards that share a matrix are checked, and the last of them may end in part of a block. */
function misfitsOf(recipe: Recipe, model: ModelShape, tensorParallel: number): readonly Misfit[] {
  const whole = tensorParallel === 1;
  const blocks = blocksOf(recipe, model);
  const rows = fusedOf(model.linears).flatMap((linears) => {
    const parts = linears
      .filter(({ parallel }) => parallel === 'column')
      .flatMap((linear) =>
        partsOn(linear, model, tensorParallel).map((sizes) => ({ side: 'N' as const, linear, block: blocks(linear)?.[0] ?? null, ...sizes })),
      );
    return whole ? parts.slice(0, -1) : parts;
  });
  const columns = (whole ? [] : model.linears.filter(({ parallel }) => parallel === 'row')).map((linear) => ({
    side: 'K' as const,
    linear,
    block: blocks(linear)?.[1] ?? null,
    full: linear.in,
    part: inputsOn(linear, tensorParallel),
  }));
  return [...rows, ...columns].flatMap(({ block, ...one }) => (block !== null && one.part % block !== 0 ? [{ ...one, block }] : []));
}

/** The block of a linear where any layer's is quantized in blocks. */
function blocksOf(recipe: Recipe, model: ModelShape): (linear: LinearShape) => readonly [number, number] | null {
  const pieces = piecesOf(recipe, model, 1);
  return (linear) => pieces.find((piece) => piece.linear === linear && (piece.weights.block ?? null) !== null)?.weights.block ?? null;
}

/** `gate_proj, up_proj N = 1536 / tp 16 = 96`: linears of one size together. */
function misfitWords(misfits: readonly Misfit[], tensorParallel: number): string {
  const kinds = new Map<string, Set<string>>();
  for (const { side, linear, full, part } of misfits) {
    const on = Number.isInteger(part) ? String(part) : part.toFixed(2);
    const size = `${side} = ${full}${part === full ? '' : full / part === tensorParallel ? ` / tp ${tensorParallel} = ${on}` : ` (${on} on each of ${tensorParallel})`}`;
    kinds.set(size, (kinds.get(size) ?? new Set()).add(linearName(linear)));
  }
  return [...kinds].map(([size, names]) => `${[...names].join(', ')} ${size}`).join(' and ');
}
