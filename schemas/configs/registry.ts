// Every config format the check service knows, in the order in which they are asked. The first that recognises a file has it.

import { awqQuantConfig } from './awq-quant-config/format.ts';
import type { ConfigFormat } from './config-format.ts';
import { dashinfer } from './dashinfer/format.ts';
import { dashinferModel } from './dashinfer-model/format.ts';
import { deepspeed } from './deepspeed/format.ts';
import { gptqQuantizeConfig } from './gptq-quantize-config/format.ts';
import { hfAqlm } from './hf-aqlm/format.ts';
import { hfAutoRound } from './hf-auto-round/format.ts';
import { hfAwq } from './hf-awq/format.ts';
import { hfBitnet } from './hf-bitnet/format.ts';
import { hfBitsandbytes } from './hf-bitsandbytes/format.ts';
import { hfChatglm } from './hf-chatglm/format.ts';
import { hfCompressedTensors } from './hf-compressed-tensors/format.ts';
import { hfEetq } from './hf-eetq/format.ts';
import { hfExl2 } from './hf-exl2/format.ts';
import { hfFbgemmFp8 } from './hf-fbgemm-fp8/format.ts';
import { hfFpQuant } from './hf-fp-quant/format.ts';
import { hfFp8 } from './hf-fp8/format.ts';
import { hfGptq } from './hf-gptq/format.ts';
import { hfHiggs } from './hf-higgs/format.ts';
import { hfHqq } from './hf-hqq/format.ts';
import { hfMetal } from './hf-metal/format.ts';
import { hfModelopt } from './hf-modelopt/format.ts';
import { hfMxfp4 } from './hf-mxfp4/format.ts';
import { hfQuanto } from './hf-quanto/format.ts';
import { hfQuark } from './hf-quark/format.ts';
import { hfSinq } from './hf-sinq/format.ts';
import { hfSpqr } from './hf-spqr/format.ts';
import { hfTorchao } from './hf-torchao/format.ts';
import { hfUnknown } from './hf-unknown/format.ts';
import { hfVptq } from './hf-vptq/format.ts';
import { incFp8 } from './inc-fp8/format.ts';
import { llmCompressor } from './llm-compressor/format.ts';
import { mlc } from './mlc/format.ts';
import { modelopt } from './modelopt/format.ts';
import { neuralCompressor } from './neural-compressor/format.ts';
import { neuralCompressor3 } from './neural-compressor-3/format.ts';
import { neuralCompressor3Static } from './neural-compressor-3-static/format.ts';
import { olive } from './olive/format.ts';
import { qllm } from './qllm/format.ts';
import { qllmInfer } from './qllm-infer/format.ts';
import { qllmLayers } from './qllm-layers/format.ts';
import { quantwright } from './quantwright/format.ts';
import { smoothquant } from './smoothquant/format.ts';
import { tensorrtLlm } from './tensorrt-llm/format.ts';

export const formats: readonly ConfigFormat[] = [
  quantwright,
  dashinferModel,
  qllm,
  qllmLayers,
  hfGptq,
  hfAwq,
  hfBitsandbytes,
  hfCompressedTensors,
  hfFp8,
  hfFbgemmFp8,
  hfAutoRound,
  hfModelopt,
  hfAqlm,
  hfBitnet,
  hfEetq,
  hfExl2,
  hfFpQuant,
  hfHiggs,
  hfHqq,
  hfMetal,
  hfMxfp4,
  hfQuanto,
  hfQuark,
  hfSinq,
  hfSpqr,
  hfTorchao,
  hfVptq,
  hfChatglm,
  hfUnknown,
  gptqQuantizeConfig,
  awqQuantConfig,
  dashinfer,
  deepspeed,
  incFp8,
  llmCompressor,
  neuralCompressor,
  neuralCompressor3,
  neuralCompressor3Static,
  olive,
  qllmInfer,
  smoothquant,
  modelopt,
  tensorrtLlm,
  mlc,
];

export function findFormat(id: string): ConfigFormat | null {
  return formats.find((format) => format.id === id) ?? null;
}
