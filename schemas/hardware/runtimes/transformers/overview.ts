// The table of huggingface/transformers docs/source/en/quantization/overview.md by kind of device. CUDA is `yes` in every row; what single methods
// ask of an NVIDIA GPU is in judge.ts. Rows that only the code has: fp8, mxfp4, spqr. `unsure`: the cell says part, is blank, or differs between
// versions of the document; nothing is claimed from it.

export type Answer = 'yes' | 'no' | 'unsure';
export type OverviewColumn = 'cpu' | 'rocm' | 'metal' | 'xpu';

export interface OverviewRow extends Readonly<Record<OverviewColumn, Answer>> {
  readonly scheme: string;
  readonly name: string;
  /** What computes there. */
  readonly kernel: string;
  /** What the cells say that are `unsure`. */
  readonly note?: string;
  /** Its quantizer demands a GPU by itself, whatever the document says. */
  readonly needsGpu?: true;
}

export const overview: readonly OverviewRow[] = [
  { scheme: 'aqlm', name: 'AQLM', kernel: 'aqlm', cpu: 'yes', rocm: 'no', metal: 'no', xpu: 'no' },
  { scheme: 'auto-round', name: 'AutoRound', kernel: 'auto-round', cpu: 'yes', rocm: 'no', metal: 'no', xpu: 'yes' },
  {
    scheme: 'awq',
    name: 'AWQ',
    kernel: 'AWQ',
    cpu: 'unsure',
    rocm: 'yes',
    metal: 'no',
    xpu: 'unsure',
    note: 'newer versions of the document say yes, older ones no',
  },
  {
    scheme: 'bitsandbytes',
    name: 'bitsandbytes',
    kernel: 'bitsandbytes',
    cpu: 'unsure',
    rocm: 'unsure',
    metal: 'no',
    xpu: 'unsure',
    note: 'the document says partly',
  },
  { scheme: 'compressed-tensors', name: 'compressed-tensors', kernel: 'compressed-tensors', cpu: 'yes', rocm: 'yes', metal: 'no', xpu: 'no' },
  { scheme: 'eetq', name: 'EETQ', kernel: 'eetq', cpu: 'no', rocm: 'no', metal: 'no', xpu: 'no', needsGpu: true },
  { scheme: 'fbgemm_fp8', name: 'FBGEMM FP8', kernel: 'fbgemm', cpu: 'no', rocm: 'no', metal: 'no', xpu: 'no' },
  { scheme: 'fp8', name: 'fine-grained FP8', kernel: 'fine-grained FP8', cpu: 'no', rocm: 'no', metal: 'no', xpu: 'yes' },
  { scheme: 'gguf', name: 'GGUF', kernel: 'gguf', cpu: 'yes', rocm: 'no', metal: 'yes', xpu: 'no' },
  { scheme: 'gptq', name: 'GPTQ', kernel: 'GPTQModel', cpu: 'yes', rocm: 'yes', metal: 'yes', xpu: 'yes' },
  { scheme: 'higgs', name: 'HIGGS', kernel: 'higgs', cpu: 'no', rocm: 'no', metal: 'no', xpu: 'no', needsGpu: true },
  { scheme: 'hqq', name: 'HQQ', kernel: 'hqq', cpu: 'yes', rocm: 'no', metal: 'no', xpu: 'no' },
  { scheme: 'quanto', name: 'optimum-quanto', kernel: 'quanto', cpu: 'yes', rocm: 'no', metal: 'yes', xpu: 'no' },
  {
    scheme: 'torchao',
    name: 'torchao',
    kernel: 'torchao',
    cpu: 'unsure',
    rocm: 'no',
    metal: 'unsure',
    xpu: 'no',
    note: 'the cell of the document is blank or says int4 only',
  },
  { scheme: 'vptq', name: 'VPTQ', kernel: 'vptq', cpu: 'no', rocm: 'unsure', metal: 'no', xpu: 'no', note: 'the document says partly', needsGpu: true },
  {
    scheme: 'spqr',
    name: 'SpQR',
    kernel: 'spqr',
    cpu: 'no',
    rocm: 'unsure',
    metal: 'unsure',
    xpu: 'unsure',
    note: 'the document has no row for it',
    needsGpu: true,
  },
  {
    scheme: 'mxfp4',
    name: 'MXFP4',
    kernel: 'MXFP4 (Triton 3.4 and the kernels package)',
    cpu: 'unsure',
    rocm: 'unsure',
    metal: 'unsure',
    xpu: 'unsure',
    note: 'the document has no row for it',
  },
];

/** Known to Transformers (quantizers/auto.py), without a row: nothing is said about devices. */
export const knownWithoutRow: readonly string[] = ['bitnet', 'chatglm', 'fouroversix', 'fp_quant', 'gemma', 'metal', 'mxfp8', 'nvfp4', 'quark', 'sinq'];
