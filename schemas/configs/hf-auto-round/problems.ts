// What AutoRound settings say that loaders lose or no longer read.
import { nearestWord } from '../../check/nearest-word.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { setFix } from '../fixes.ts';

const SOURCE = 'intel/auto-round issue 388';
/** Packings by name; others (mlx, fp8 variants) come with newer versions and are left alone unless they look like a slip. */
const PACKINGS = ['auto_round', 'auto_round:auto_gptq', 'auto_round:auto_awq', 'auto_round:llm_compressor', 'auto_round:fp8', 'auto_round:mlx'];

export function autoRoundProblems(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  return [...oldName(fields, path), ...unknownPacking(fields, path), ...lostZeroPoints(fields, path)];
}

function oldName(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const at = [...path, 'quant_method'];
  return fields.text('quant_method') === 'intel/auto-round'
    ? [
        {
          code: 'QC020',
          severity: 'warning',
          path: at,
          on: 'value',
          message:
            'quant_method "intel/auto-round" is the name of old uploads: transformers does not know it, warns and skips the quantization. The name is now "auto-round".',
          source: 'huggingface/transformers src/transformers/quantizers/auto.py',
          fixes: [setFix(at, 'auto-round')],
        },
      ]
    : [];
}

function unknownPacking(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const packing = fields.text('packing_format');
  const near = packing === null || PACKINGS.includes(packing) ? null : nearestPacking(packing);
  const at = [...path, 'packing_format'];
  return near === null
    ? []
    : [
        {
          code: 'QC013',
          severity: 'warning',
          path: at,
          on: 'value',
          message: `packing_format is ${JSON.stringify(packing)}, which no loader reads; did you mean "${near}"?`,
          source: 'intel/auto-round auto_round/autoround.py',
          fixes: [setFix(at, near)],
        },
      ];
}

/** Without the prefix, or a slip in the part behind it; a new part is none. */
function nearestPacking(packing: string): string | null {
  const whole = PACKINGS.find((known) => known === `auto_round:${packing}`);
  const near = whole ?? nearestWord(packing, PACKINGS);
  const close = near !== null && Math.abs(near.length - packing.length) <= 2;
  return whole ?? (close && near !== null ? near : null);
}

/** GPTQ packing stores zero points one too small. */
function lostZeroPoints(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const packing = fields.text('packing_format') ?? '';
  const four = fields.integer('bits') === 4;
  return fields.boolean('sym') === false && packing.endsWith('auto_gptq')
    ? [
        {
          code: 'QC017',
          severity: 'warning',
          path: [...path, 'sym'],
          message: `sym false with the packing ${packing} loses accuracy, and Marlin kernels do not take it.${four ? ' Asymmetric 4-bit weights belong into auto_round:auto_awq: export the model again with that packing.' : ''}`,
          source: SOURCE,
          fixes: [],
        },
      ]
    : [];
}
