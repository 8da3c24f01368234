// DashInfer's verdicts: the documented method x hardware table, and what its Python and C++ layers really accept (rules DI-02 .. DI-18;
// DI-01 and DI-04 are about the file's spelling and live in configs/dashinfer/schema.json).
import { type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import { savedLayout } from '../../saved-layout.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule, findRuntime } from '../index.ts';
import type { TableRow } from '../runtime-data.ts';
import { activationVerdicts } from './activations.ts';
import { judgeGptq } from './gptq.ts';
import { judgeInstantQuant } from './instant-quant.ts';
import { loadedMethod } from './loaded-method.ts';
import { judgeModelJson } from './model-json.ts';
import { groupSettingsVerdicts, mixtureVerdicts } from './model-rules.ts';

export function judgeDashInfer(input: JudgeInput): readonly SupportVerdict[] {
  if (input.recipe.scheme === 'dashinfer-json') {
    return judgeModelJson(input);
  }
  if (savedLayout(input) === null && !OWN_RECIPES.includes(input.recipe.format)) {
    const message = `${targetName(input)}: the file is for another tool and describes no checkpoint, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'methods', message })];
  }
  const [method] = input.recipe.methods;
  if (method === 'gptq' && input.intent === 'run' && input.recipe.scheme !== 'gptq') {
    return [unknownMethod(input, input.recipe.scheme)];
  }
  if (input.recipe.methods.length !== 1 || (method !== 'instant_quant' && method !== 'gptq')) {
    return [unknownMethod(input)];
  }
  const own = method === 'gptq' ? judgeGptq(input) : judgeInstantQuant(input);
  return [...own, ...activationVerdicts(input), ...hardware(input), ...groupSettingsVerdicts(input), ...mixtureVerdicts(input)];
}

/** Formats whose recipes it quantizes from, or that describe what GPTQ quantization shall make. */
const OWN_RECIPES: readonly string[] = ['quantwright', 'dashinfer', 'hf-gptq', 'gptq-quantize-config'];

function unknownMethod(input: JudgeInput, asked = input.recipe.methods.join(' + ')): SupportVerdict {
  return refused(input, {
    rule: 'DI-05',
    field: 'methods',
    words: { method: asked },
    message: `${targetName(input)}: DashInfer has no method ${asked}; it has instant_quant, and loads gptq weights.`,
    nearest: {
      field: 'methods',
      value: 'instant_quant',
      words: 'quant_method instant_quant',
      // The method rounds to int8 or uint4 only.
      also: [{ field: 'weights.bits', value: input.recipe.weights.bits > 4 ? 8 : 4 }],
    },
  });
}

/** The table (DI-18): one row per method, width and compute method; one column per device family. */
function hardware(input: JudgeInput): readonly SupportVerdict[] {
  const { device } = input;
  if (input.recipe.weights.dtype === 'fp8_e4m3') {
    // Not a row of the table: the operator's own limit (DI-11) is all there is.
    return [{ kind: 'supported', target: input.target, kernel: 'FP8 (A8W8)', source: findRule('DI-11')?.source ?? '' }];
  }
  const row = rowFor(input);
  if (row === null || device === null) {
    return row === null ? [] : [{ kind: 'supported', target: input.target, kernel: row.name, source: findRuntime('dashinfer')?.source ?? '' }];
  }
  const answer = row.devices[device.family];
  if (answer === 'yes') {
    return [{ kind: 'supported', target: input.target, kernel: row.name, source: tableSource }];
  }
  if (answer === undefined) {
    return [
      unknown(input, {
        rule: 'DI-18',
        field: 'methods',
        message: `${targetName(input)}: the support table has no column for ${device.family}, so nothing is said.`,
      }),
    ];
  }
  return [refusedByTable(input, row, device.family)];
}

const tableSource = 'modelscope/dash-infer docs/sphinx/quant/weight_activate_quant.rst';

function refusedByTable(input: JudgeInput, row: TableRow, family: string): SupportVerdict {
  const rows = findRuntime('dashinfer')?.table ?? [];
  const others = rows.filter((other) => other.method === row.method && other.devices[family] === 'yes');
  const sameBits = others.find((other) => other.bits === row.bits && other.computeMethod !== row.computeMethod);
  const runsOn = Object.keys(row.devices).filter((name) => row.devices[name] === 'yes');
  const offered =
    others.length === 0
      ? `no ${row.method === 'gptq' ? 'GPTQ' : 'InstantQuant'} method for it; this one runs on ${runsOn.join(', ')}`
      : `${others.map((other) => other.name).join(', ')} for it`;
  const nearest =
    sameBits === undefined
      ? others.some((other) => other.bits === 8 && other.computeMethod === row.computeMethod)
        ? ({
            field: 'weights.bits',
            value: 8,
            words: 'weight_format int8',
            ...(input.recipe.weights.groupSize === 32 ? { also: [{ field: 'weights.groupSize' as const, value: 64 }] } : {}),
          } as const)
        : null
      : ({ field: 'computeMethod', value: sameBits.computeMethod, words: `compute_method ${sameBits.computeMethod}` } as const);
  const cores = row.computeMethod === 'activate_quant' && family === 'Volta' ? ' (Volta has no integer tensor cores)' : '';
  const taken = loadedMethod(input) === input.recipe.computeMethod ? '' : ' (8-bit GPTQ weights load as A8W8 unless compute_method asks for weight_only)';
  const note = family === 'x86' ? ' (the CPU chapter of its documents describes uint8 weights, which this config cannot ask for)' : taken;
  return refused(input, {
    rule: 'DI-18',
    field: sameBits === undefined ? 'methods' : 'computeMethod',
    nearest,
    message: `${targetName(input)}: ${row.name} does not run on ${family}${cores}; the support table lists ${offered}${note}.`,
  });
}

function rowFor(input: JudgeInput): TableRow | null {
  const { recipe } = input;
  const computeMethod = loadedMethod(input);
  const rows = findRuntime('dashinfer')?.table ?? [];
  return (
    rows.find(
      (row) => recipe.methods[0] === row.method && recipe.weights.dtype === 'int' && row.bits === recipe.weights.bits && row.computeMethod === computeMethod,
    ) ?? null
  );
}
