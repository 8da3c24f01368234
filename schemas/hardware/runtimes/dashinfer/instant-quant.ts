// DashInfer InstantQuant: weight formats, compute methods and group sizes, in the order in which a load meets them.
// Source: support-tables section 1; modelscope/dash-infer python/pyhie/allspark/quant and csrc/core/operator/general/gemm_lowp.
import { weightFormatName } from '../../../configs/weight-format.ts';
import { groupClosest, groupProblem, groupWords } from '../../group-size.ts';
import { type JudgeInput, refused, targetName } from '../../judge.ts';
import type { Nearest, SupportVerdict } from '../../verdict.ts';

/** Group sizes the Python layer lets pass for weight_only. */
const PYTHON_GROUPS = [-1, 32, 64, 128, 256, 512];
/** Sizes the A16W8 operator has. */
const INT8_GROUPS = [-1, 64, 128, 256, 512];

export function judgeInstantQuant(input: JudgeInput): readonly SupportVerdict[] {
  const { dtype } = input.recipe.weights;
  return [...formatRules(input), ...(dtype === 'fp8_e4m3' ? fp8Rules(input) : dtype === 'int' ? groupRules(input) : [])];
}

function formatRules(input: JudgeInput): readonly SupportVerdict[] {
  const { weights, computeMethod } = input.recipe;
  const format = weightFormatName(weights);
  const words = { weight_format: format };
  const name = targetName(input);
  if (weights.dtype !== 'int' && weights.dtype !== 'fp8_e4m3') {
    const nearest: Nearest = { field: 'weights.dtype', value: 'int', words: 'weight_format int8' };
    const message = `${name}: there is no weight_format ${format}; int8, uint4 and fp8_e4m3 load.`;
    return [refused(input, { rule: 'DI-02', field: 'weights.dtype', words, nearest, message })];
  }
  if (weights.dtype === 'int' && weights.bits !== 8 && weights.bits !== 4) {
    const nearest: Nearest = { field: 'weights.bits', value: 4, words: 'weight_format uint4' };
    return [
      refused(input, {
        rule: 'DI-02',
        field: 'weights.bits',
        words,
        nearest,
        message: `${name}: there is no weight_format ${format}; int8, uint4 and fp8_e4m3 load.`,
      }),
    ];
  }
  if (computeMethod === 'activate_quant' && weights.dtype === 'int' && weights.bits !== 8) {
    const nearest: Nearest = { field: 'computeMethod', value: 'weight_only', words: 'compute_method weight_only' };
    return [
      refused(input, {
        rule: 'DI-06',
        field: 'computeMethod',
        words,
        nearest,
        message: `${name}: activate_quant needs int8 or fp8_e4m3 weights, not ${format}.`,
      }),
    ];
  }
  if (weights.dtype === 'int' && weights.signed !== (weights.bits === 8)) {
    const right = weightFormatName({ ...weights, signed: !weights.signed });
    const nearest: Nearest = { field: 'weights.signed', value: !weights.signed, words: `weight_format ${right}` };
    return [
      refused(input, {
        rule: 'DI-03',
        field: 'weights.signed',
        nearest,
        message: `${name}: weight_format ${format} passes the settings and always fails at load; ${weights.bits}-bit weights are called ${right}.`,
      }),
    ];
  }
  return [];
}

function fp8Rules(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model, device } = input;
  const name = targetName(input);
  const verdicts: SupportVerdict[] = [];
  if (recipe.computeMethod === 'weight_only') {
    const nearest: Nearest = {
      field: 'computeMethod',
      value: 'activate_quant',
      words: 'compute_method activate_quant',
      ...(recipe.weights.groupSize === -1 ? {} : { also: [{ field: 'weights.groupSize', value: -1 }] }),
    };
    verdicts.push(
      refused(input, { rule: 'DI-08b', field: 'computeMethod', nearest, message: `${name}: fp8_e4m3 weights need compute_method activate_quant.` }),
    );
  } else if (recipe.weights.groupSize !== -1) {
    verdicts.push(activateGroup(input));
  }
  if (device !== null && (device.computeCapability ?? 0) < 89) {
    const has = device.computeCapability === null ? `${device.name} is no CUDA device` : `${device.name} has ${(device.computeCapability / 10).toFixed(1)}`;
    const nearest: Nearest = { field: 'weights.dtype', value: 'int', words: 'weight_format int8' };
    verdicts.push(refused(input, { rule: 'DI-11', field: 'weights.dtype', nearest, message: `${name}: fp8_e4m3 needs compute capability 8.9; ${has}.` }));
  }
  if (model?.dtype === 'float32') {
    verdicts.push(
      refused(input, {
        rule: 'DI-08b',
        field: 'weights.dtype',
        message: `${name}: a model in float32 cannot be quantized; it needs float16 or bfloat16 weights.`,
      }),
    );
  }
  return verdicts;
}

function groupRules(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model } = input;
  const { groupSize, bits } = recipe.weights;
  const verdicts: SupportVerdict[] = [];
  if (model?.dtype === 'float32') {
    verdicts.push(
      refused(input, {
        rule: 'DI-08b',
        field: 'weights.dtype',
        message: `${targetName(input)}: a model in float32 cannot be quantized; it needs float16 or bfloat16 weights.`,
      }),
    );
  }
  if (recipe.computeMethod === 'activate_quant') {
    return groupSize === -1 ? verdicts : [...verdicts, activateGroup(input)];
  }
  const nearest = groupClosest(input, bits === 8 ? INT8_GROUPS : PYTHON_GROUPS, groupSize);
  if (!PYTHON_GROUPS.includes(groupSize)) {
    verdicts.push(
      refused(input, {
        rule: 'DI-08',
        field: 'weights.groupSize',
        words: { group: groupSize },
        nearest,
        message: `${targetName(input)}: weight_only takes the group sizes -1, 32, 64, 128, 256 and 512, not ${groupSize}.`,
      }),
    );
  } else if (bits === 8 && groupSize === 32) {
    verdicts.push(
      refused(input, {
        rule: 'DI-09',
        field: 'weights.groupSize',
        nearest,
        message: `${targetName(input)}: int8 with group_size 32 passes the settings and fails in the engine; its operator has 64, 128, 256 and 512.`,
      }),
    );
  }
  return [...verdicts, ...overrideGroups(input), ...divisibility(input)];
}

function activateGroup(input: JudgeInput): SupportVerdict {
  const { groupSize } = input.recipe.weights;
  return refused(input, {
    rule: 'DI-07',
    field: 'weights.groupSize',
    words: { group: groupSize },
    nearest: { field: 'weights.groupSize', value: -1, words: groupWords(-1) },
    message: `${targetName(input)}: activate_quant is per channel only; group_size ${groupSize} is refused.`,
  });
}

/** group_settings skip the Python check and meet the operators alone. */
function overrideGroups(input: JudgeInput): readonly SupportVerdict[] {
  const { bits } = input.recipe.weights;
  for (const { pattern, weights } of input.recipe.overrides) {
    const size = weights.groupSize ?? -1;
    if (size !== -1 && bits === 4 && (size < 32 || size % 8 !== 0)) {
      return [
        refused(input, {
          rule: 'DI-10',
          field: 'overrides',
          message: `${targetName(input)}: group size ${size} of "${pattern}" is refused; A16W4 needs at least 32, in multiples of 8.`,
        }),
      ];
    }
    if (size !== -1 && bits === 8 && !INT8_GROUPS.includes(size)) {
      return [
        refused(input, {
          rule: 'DI-09',
          field: 'overrides',
          message: `${targetName(input)}: group size ${size} of "${pattern}" is refused; the int8 operator has 64, 128, 256 and 512.`,
        }),
      ];
    }
  }
  return [];
}

function divisibility(input: JudgeInput): readonly SupportVerdict[] {
  const legal = input.recipe.weights.bits === 8 ? INT8_GROUPS : PYTHON_GROUPS;
  const problem = groupProblem(input, 'DI-12', legal);
  return problem === null ? [] : [refused(input, problem)];
}
