// Hugging Face Transformers' verdicts: which quantizer reads the config, what it asks of the device, and what happens below that: some refuse,
// FP8 and MXFP4 dequantize to bfloat16 and need the memory of the unquantized model. Source: support-tables sections 5 and 6.
import { groupProblem, USUAL_GROUPS } from '../../group-size.ts';
import { dequantizes, fallsBack, ignored, type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import { savedLayout } from '../../saved-layout.ts';
import type { Device } from '../../target.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { inRange } from '../../version-range.ts';
import { findRule } from '../index.ts';
import { awqKernel, gptqKernel, type KernelChoice } from './gptqmodel.ts';
import { knownWithoutRow, type OverviewColumn, type OverviewRow, overview } from './overview.ts';

export function judgeTransformers(input: JudgeInput): readonly SupportVerdict[] {
  const layout = savedLayout(input);
  if (layout === null) {
    return [noRow(input, 'the file is for another tool and describes no checkpoint, so nothing is said')];
  }
  const row = overview.find(({ scheme }) => scheme === layout.scheme);
  if (row !== undefined) {
    return withRow(input, row);
  }
  return knownWithoutRow.includes(layout.scheme) ? [noRow(input, `there is no row for ${layout.scheme}, so nothing is said`)] : [unread(input, layout.scheme)];
}

function unread(input: JudgeInput, method: string): SupportVerdict {
  return ignored(input, {
    rule: 'HF-NAME',
    field: method === 'quantwright' ? 'saveFormat' : 'scheme',
    words: { method },
    message: `${targetName(input)}: quant_method ${method} is not known there; it skips the quantization with a warning, and the packed weights load as garbage or under names that do not exist.`,
  });
}

function withRow(input: JudgeInput, row: OverviewRow): readonly SupportVerdict[] {
  const choice: KernelChoice = kernelOf(input, row);
  const own = 'problem' in choice ? [refused(input, choice.problem)] : [];
  const device = deviceVerdict(input, row);
  if (device !== null) {
    return [...own, device];
  }
  return 'problem' in choice ? own : [{ kind: 'supported', target: input.target, kernel: choice.kernel, source: sourceOf(row) }];
}

function kernelOf(input: JudgeInput, row: OverviewRow): KernelChoice {
  if (row.scheme === 'gptq') {
    return gptqKernel(input);
  }
  // Until version 5 AWQ weights ran on AutoAWQ's kernels.
  if (row.scheme === 'awq' && applies(input, 'GM-AWQ-GROUP')) {
    return awqKernel(input);
  }
  const problem = GROUPED.includes(row.scheme) ? groupProblem(input, 'DIV-K', USUAL_GROUPS) : null;
  return problem === null ? { kernel: row.kernel } : { problem };
}

/** Schemes whose groups lie along the inputs of a linear; others count over the whole matrix (bitsandbytes, HQQ) or in blocks (FP8). */
const GROUPED: readonly string[] = ['awq', 'auto-round', 'compressed-tensors'];

function deviceVerdict(input: JudgeInput, row: OverviewRow): SupportVerdict | null {
  const { device } = input;
  if (device === null) {
    return null;
  }
  return device.computeCapability === null ? tableVerdict(input, row, device) : gpuVerdict(input, row, device.computeCapability);
}

/** Devices that are not NVIDIA's: the columns of the document. */
const COLUMNS: Readonly<Partial<Record<Device['kind'], { readonly column: OverviewColumn; readonly name: string }>>> = {
  x86: { column: 'cpu', name: 'CPUs' },
  arm: { column: 'cpu', name: 'CPUs' },
  rocm: { column: 'rocm', name: 'AMD GPUs' },
  metal: { column: 'metal', name: "Apple's GPUs" },
  xpu: { column: 'xpu', name: 'Intel GPUs' },
};

function tableVerdict(input: JudgeInput, row: OverviewRow, { kind }: Device): SupportVerdict | null {
  const place = COLUMNS[kind];
  if (place === undefined) {
    return noRow(input, 'the support table has no column for this device, so nothing is said');
  }
  const answer = row[place.column];
  if (answer === 'yes') {
    return null;
  }
  if (answer === 'unsure') {
    return noRow(input, `whether ${row.name} runs on ${place.name} is not certain (${row.note ?? 'the cell is blank'}), so nothing is said`);
  }
  const gpu = row.needsGpu === true && place.column === 'cpu';
  return refused(input, {
    rule: gpu ? 'HF-GPU' : 'HF-TABLE',
    field: 'scheme',
    message: gpu
      ? `${targetName(input)}: ${row.name} needs a GPU; its quantizer refuses CPUs.`
      : `${targetName(input)}: ${row.name} does not run on ${place.name}; the table of supported methods says no.`,
  });
}

function gpuVerdict(input: JudgeInput, row: OverviewRow, capability: number): SupportVerdict | null {
  const name = targetName(input);
  const actual = (capability / 10).toFixed(1);
  if (row.scheme === 'fp8' && capability < 89) {
    return dequantizes(input, {
      rule: 'HF-FP8',
      field: 'scheme',
      words: { actual },
      message: `${name}: FP8 needs compute capability 8.9, this device has ${actual}; the weights are dequantized to bfloat16, which takes twice the memory.`,
    });
  }
  if (row.scheme === 'mxfp4' && capability < 75) {
    return dequantizes(input, {
      rule: 'HF-MXFP4',
      field: 'scheme',
      message: `${name}: MXFP4 needs compute capability 7.5, this device has ${actual}; the weights are dequantized to bfloat16, which takes about four times the memory.`,
    });
  }
  if (row.scheme === 'fbgemm_fp8' && capability < 90) {
    return refused(input, {
      rule: 'HF-FBGEMM',
      field: 'scheme',
      message: `${name}: FBGEMM FP8 needs compute capability 9.0, this device has ${actual}.`,
    });
  }
  if (row.scheme === 'bitsandbytes' && capability < 60) {
    const message = `${name}: bitsandbytes is made for compute capability 6.0 and newer; this device has ${actual}.`;
    return refused(input, { rule: 'HF-BNB-CC', field: 'scheme', message });
  }
  if (row.scheme === 'bitsandbytes' && input.recipe.methods.includes('llm_int8') && capability < 75) {
    return fallsBack(input, {
      rule: 'HF-BNB-CC',
      field: 'activations',
      to: 'LLM.int8() without integer tensor cores',
      cost: 'several times the time of a product',
      message: `${name}: LLM.int8() multiplies integers, for which tensor cores came with compute capability 7.5 (Turing); this device has ${actual}, and the 8-bit model is slower there than in 16 bits.`,
    });
  }
  if (row.scheme === 'awq' && capability < 75 && applies(input, 'HF-AWQ-CC')) {
    return refused(input, {
      rule: 'HF-AWQ-CC',
      field: 'scheme',
      message: `${name}: AWQ weights run on AutoAWQ's kernels before version 5, which need compute capability 7.5; this device has ${actual}.`,
    });
  }
  return null;
}

/** Rules of older versions speak only when that version is asked for. */
function applies(input: JudgeInput, rule: string): boolean {
  return inRange(input.target.version, findRule(rule)?.versions ?? null);
}

function noRow(input: JudgeInput, what: string): SupportVerdict {
  return unknown(input, { rule: 'NO-ROW', field: 'scheme', message: `${targetName(input)}: ${what}.` });
}

function sourceOf({ scheme }: OverviewRow): string {
  return scheme === 'gptq' || scheme === 'awq'
    ? 'ModelCloud/GPTQModel gptqmodel/nn_modules/qlinear :: SUPPORTS_*'
    : 'huggingface/transformers docs/source/en/quantization/overview.md';
}
