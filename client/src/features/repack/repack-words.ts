// Words of converting a model: the layouts to choose from, the name of the result, and what came of it. Pure.
import { basename } from 'node:path';
import type { ConvertResult, ConvertTarget } from '@quantwright/schemas/rpc/engine';
import { sizeWords } from '../models/units.ts';

export interface LayoutChoice {
  readonly to: ConvertTarget;
  readonly label: string;
  readonly detail: string;
}

export const layoutChoices: readonly LayoutChoice[] = [
  { to: 'gptq', label: 'GPTQ', detail: 'Read by most runtimes; 2, 3, 4 and 8 bits, activation order' },
  { to: 'gptq_v2', label: 'GPTQ v2', detail: 'The same with zero points as they are; for asymmetric weights' },
  { to: 'awq', label: 'AWQ', detail: "AutoAWQ's GEMM layout: 4 bits, one group size" },
  { to: 'compressed-tensors', label: 'compressed-tensors', detail: 'For vLLM and transformers; 8-bit activations too' },
  { to: 'quantwright', label: 'Quantwright', detail: 'Our own, which holds everything' },
  { to: 'gguf', label: 'GGUF', detail: 'One file for llama.cpp' },
];

export function convertedName(modelPath: string, to: ConvertTarget): string {
  return `${basename(modelPath).replace(/\.gguf$/i, '')}-${to}`;
}

/** "quill-16m-awq: 14 linears, 4-bit codes, groups of 32; 13.0 MB, no weight changed." */
export function convertedWords(name: string, { linears, outputBytes, warnings }: ConvertResult): string {
  const forms = linears.map(({ form, modules }) => `${modules} linears, ${form}`).join('; ');
  const told = warnings.length === 0 ? '' : ` ${warnings.join('. ')}.`;
  return `${name}: ${forms === '' ? 'weights as stored' : forms}; ${sizeWords(outputBytes)}, nothing was quantized again.${told}`;
}
