// The CPU column of the overview table of huggingface/transformers docs/source/en/quantization/overview.md. (CUDA
// is `yes` in every row; what single methods ask of a GPU is in judge.ts.) Rows that only the code has: fp8, mxfp4, spqr. `unsure`: the cell is marked part, is blank, or differs between versions of the document.

export type Answer = 'yes' | 'no' | 'unsure';

export interface OverviewRow {
  readonly scheme: string;
  readonly name: string;
  readonly cpu: Answer;
  /** What the cell says, for `unsure` ones. */
  readonly note?: string;
  /** What computes there. */
  readonly kernel: string;
  /** Its quantizer demands a GPU by itself, whatever the document says. */
  readonly needsGpu?: true;
}

const older = 'newer versions of the document say yes, older ones no';

export const overview: readonly OverviewRow[] = [
  { scheme: 'aqlm', name: 'AQLM', cpu: 'yes', kernel: 'aqlm' },
  { scheme: 'auto-round', name: 'AutoRound', cpu: 'yes', kernel: 'auto-round' },
  { scheme: 'awq', name: 'AWQ', cpu: 'unsure', note: older, kernel: 'AWQ' },
  { scheme: 'bitsandbytes', name: 'bitsandbytes', cpu: 'unsure', note: 'the document says partly', kernel: 'bitsandbytes' },
  { scheme: 'compressed-tensors', name: 'compressed-tensors', cpu: 'yes', kernel: 'compressed-tensors' },
  { scheme: 'eetq', name: 'EETQ', cpu: 'no', kernel: 'eetq', needsGpu: true },
  { scheme: 'fbgemm_fp8', name: 'FBGEMM FP8', cpu: 'no', kernel: 'fbgemm' },
  { scheme: 'fp8', name: 'fine-grained FP8', cpu: 'no', kernel: 'fine-grained FP8' },
  { scheme: 'gguf', name: 'GGUF', cpu: 'yes', kernel: 'gguf' },
  { scheme: 'gptq', name: 'GPTQ', cpu: 'yes', kernel: 'GPTQModel' },
  { scheme: 'higgs', name: 'HIGGS', cpu: 'no', kernel: 'higgs', needsGpu: true },
  { scheme: 'hqq', name: 'HQQ', cpu: 'yes', kernel: 'hqq' },
  { scheme: 'quanto', name: 'optimum-quanto', cpu: 'yes', kernel: 'quanto' },
  { scheme: 'torchao', name: 'torchao', cpu: 'unsure', note: 'the cell of the document is blank', kernel: 'torchao' },
  { scheme: 'vptq', name: 'VPTQ', cpu: 'no', kernel: 'vptq', needsGpu: true },
  { scheme: 'spqr', name: 'SpQR', cpu: 'no', kernel: 'spqr', needsGpu: true },
  { scheme: 'mxfp4', name: 'MXFP4', cpu: 'unsure', note: 'the document has no row for it', kernel: 'MXFP4 (Triton 3.4 and the kernels package)' },
];

/** Known to Transformers (quantizers/auto.py), without a row: nothing is said about devices. */
export const knownWithoutRow: readonly string[] = ['bitnet', 'fouroversix', 'fp_quant', 'gemma', 'metal', 'mxfp8', 'nvfp4', 'quark', 'sinq'];
