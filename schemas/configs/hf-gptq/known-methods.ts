// quant_method values that other formats own: a config with one of these is not ours to judge.
// Source: huggingface/transformers src/transformers/quantizers/auto.py, and runtimes that read more (config-formats section 1.1).
export const otherMethods: ReadonlySet<string> = new Set([
  'awq', 'bitsandbytes', 'bitsandbytes_4bit', 'bitsandbytes_8bit', 'aqlm', 'quanto', 'quark', 'fouroversix', 'fp_quant', 'eetq', 'higgs', 'hqq',
  'compressed-tensors', 'fbgemm_fp8', 'torchao', 'bitnet', 'vptq', 'spqr', 'fp8', 'gguf', 'nvfp4', 'mxfp8', 'auto-round', 'mxfp4', 'metal', 'sinq',
  'gemma', 'modelopt', 'modelopt_fp4', 'intel/auto-round', 'exl2', 'exl3', 'inc', 'qqq', 'quantwright', 'squeezellm', 'paroquant', 'olive', 'experts_int8', 'rtn',
]);
