// Neural Compressor's verdicts: it quantizes by its own configs; FP8 configs are for Gaudi and simulate on a CPU in QDQ mode only; what the weight-only
// kernels of its CPU backends ask for. Source: support-tables section 8, config-formats section 8.
import { type JudgeInput, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule } from '../index.ts';

/** Methods of its 2.x and 3.x configs. */
const METHODS: readonly string[] = ['rtn', 'gptq', 'awq', 'teq', 'hqq', 'auto_round', 'smoothquant', 'w8a8_static', 'llm_int8'];

export function judgeNeuralCompressor(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe } = input;
  if (recipe.scheme === 'inc-fp8') {
    return [gaudi(input)];
  }
  const [method = ''] = recipe.methods;
  if (recipe.scheme !== 'neural-compressor' || !METHODS.includes(method)) {
    const what = recipe.scheme === 'neural-compressor' ? `there are no rows for ${method}` : `the file is no config of its own (${recipe.scheme})`;
    return [unknown(input, { rule: 'NC-READS', field: 'scheme', message: `${targetName(input)}: ${what}, so nothing is said.` })];
  }
  const limits = cpuLimits(input);
  return limits.length > 0
    ? limits
    : [{ kind: 'supported', target: input.target, kernel: recipe.methods.join(' + '), source: findRule('NC-READS')?.source ?? '' }];
}

function gaudi(input: JudgeInput): SupportVerdict {
  const name = targetName(input);
  const kind = input.device?.kind ?? 'gaudi';
  if (kind === 'gaudi') {
    return { kind: 'supported', target: input.target, kernel: 'FP8 on Gaudi', source: findRule('NC-FP8-CPU')?.source ?? '' };
  }
  return kind === 'x86'
    ? unknown(input, { rule: 'NC-FP8-CPU', field: 'scheme', message: `${name}: FP8 configs are for Gaudi; on a CPU they run only in QDQ mode (use_qdq).` })
    : unknown(input, {
        rule: 'NO-ROW',
        field: 'scheme',
        message: `${name}: FP8 configs are for Gaudi; there are no rows for this device, so nothing is said.`,
      });
}

/** Backends differ (IPEX, its own kernels), and the config does not always name one: what their documents ask for is told, not claimed. */
function cpuLimits(input: JudgeInput): readonly SupportVerdict[] {
  const { device, recipe } = input;
  if (device === null || device.kind !== 'x86') {
    return device === null ? [] : [unknown(input, { rule: 'NO-ROW', field: 'methods', message: `${targetName(input)}: there are no rows for this device.` })];
  }
  const verdicts: SupportVerdict[] = [];
  if (recipe.computeMethod === 'weight_only' && recipe.weights.dtype === 'int' && recipe.weights.bits === 8 && !device.simd.includes('avx512vnni')) {
    const message = `${targetName(input)}: the weight-only int8 kernels of the IPEX backend are documented for AVX512-VNNI and better, which this device lacks.`;
    verdicts.push(unknown(input, { rule: 'NC-VNNI', field: 'weights.bits', message }));
  }
  if (/^(torch\.)?(bf16|bfloat16)$/.test(recipe.computeDtype ?? '') && !device.simd.includes('amx')) {
    const message = `${targetName(input)}: computing in bfloat16 is documented from Sapphire Rapids (AMX, AVX512_BF16) on; use fp32 or int8 here.`;
    verdicts.push(unknown(input, { rule: 'NC-BF16', field: 'computeDtype', message }));
  }
  return verdicts;
}
