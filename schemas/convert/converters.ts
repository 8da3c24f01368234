// Every conversion there is, in the order in which an editor offers them.
import type { Converter } from './conversion.ts';
import { gptqBlock, gptqFile } from './gptq.ts';
import { quantJson } from './quant-json.ts';

export const converters: readonly Converter[] = [gptqBlock, gptqFile, quantJson];
