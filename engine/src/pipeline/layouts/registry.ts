// Every save format by name. Adding one: its file beside this one, and one line here.
import type { SaveFormat } from '@quantwright/schemas/recipe/recipe';
import { compressedTensorsLayout } from './compressed-tensors.ts';
import { gptqLayout, gptqV2Layout } from './gptq.ts';
import type { Layout } from './layout.ts';
import { quantwrightLayout } from './quantwright.ts';

export const layouts: Readonly<Record<SaveFormat, Layout>> = {
  quantwright: quantwrightLayout,
  gptq: gptqLayout,
  gptq_v2: gptqV2Layout,
  'compressed-tensors': compressedTensorsLayout,
};
