// Every config format the check service knows, in the order in which they are asked. The first that recognises a file has it.
import type { ConfigFormat } from './config-format.ts';
import { dashinfer } from './dashinfer/format.ts';
import { deepspeed } from './deepspeed/format.ts';
import { gptqQuantizeConfig } from './gptq-quantize-config/format.ts';
import { hfGptq } from './hf-gptq/format.ts';
import { quantwright } from './quantwright/format.ts';

export const formats: readonly ConfigFormat[] = [quantwright, hfGptq, gptqQuantizeConfig, dashinfer, deepspeed];

export function findFormat(id: string): ConfigFormat | null {
  return formats.find((format) => format.id === id) ?? null;
}
