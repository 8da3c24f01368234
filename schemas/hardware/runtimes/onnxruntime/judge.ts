// ONNX Runtime's verdicts: grouped 4- and 8-bit weights become its MatMulNBits operator, whose blocks are powers of two from 16 on. Olive's passes
// make such models; the model builder reads some quantized checkpoints. Source: support-tables section 8, config-formats sections 10 and 11.
import { groupClosest } from '../../group-size.ts';
import { type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule } from '../index.ts';

/** Checkpoints that the model builder of onnxruntime-genai reads. */
export const READ: readonly string[] = ['olive', 'gptq', 'awq', 'quark', 'modelopt'];
const LEAST_BLOCK = 16;
const BLOCKS = [16, 32, 64, 128, 256, 512];

export function judgeOnnxRuntime(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe } = input;
  const name = targetName(input);
  const { scheme, weights } = recipe;
  if (!READ.includes(scheme)) {
    const message = `${name}: ONNX models are run; its model builder reads checkpoints of ${READ.join(', ')}, and there is no row for ${scheme}, so nothing is said.`;
    return [unknown(input, { rule: 'OR-READS', field: 'scheme', message })];
  }
  if (weights.dtype === 'nf4' || weights.dtype === 'fp4') {
    return [bnb4(input)];
  }
  const grouped = weights.dtype === 'int' && (weights.bits === 4 || weights.bits === 8) && weights.groupSize !== -1;
  if (!grouped || recipe.activations !== null) {
    const message = `${name}: there are no rows for weights like these (rows are about grouped 4- and 8-bit integers), so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'weights', message })];
  }
  return [blockVerdict(input)];
}

function blockVerdict(input: JudgeInput): SupportVerdict {
  const { groupSize } = input.recipe.weights;
  const name = targetName(input);
  if (groupSize < LEAST_BLOCK || !Number.isInteger(Math.log2(groupSize))) {
    return refused(input, {
      rule: 'OR-BLOCK',
      field: 'weights.groupSize',
      nearest: groupClosest(input, BLOCKS, groupSize),
      message: `${name}: MatMulNBits takes blocks of 16, 32, 64 and so on (powers of two), not ${groupSize}.`,
    });
  }
  const { device } = input;
  if (device === null || (device.kind === 'x86' && device.simd.includes('avx2'))) {
    return { kind: 'supported', target: input.target, kernel: `MatMulNBits${simdOf(input)}`, source: findRule('OR-BLOCK')?.source ?? '' };
  }
  const message = `${name}: which blocks and widths the execution provider of this device takes is in no row, so nothing is said.`;
  return unknown(input, { rule: 'NO-ROW', field: 'weights.groupSize', message });
}

function simdOf({ device }: JudgeInput): string {
  return device === null ? '' : device.simd.includes('avx512') ? ' (AVX-512)' : ' (AVX2)';
}

function bnb4(input: JudgeInput): SupportVerdict {
  const { device } = input;
  if (device !== null && device.kind !== 'x86' && device.kind !== 'arm') {
    const message = `${targetName(input)}: 4-bit floats (fp4, nf4) run on the CPU only; Olive's pass for them has no other provider.`;
    return refused(input, { rule: 'OR-BNB4', field: 'weights.dtype', message });
  }
  return { kind: 'supported', target: input.target, kernel: 'MatMulBnb4', source: findRule('OR-BNB4')?.source ?? '' };
}
