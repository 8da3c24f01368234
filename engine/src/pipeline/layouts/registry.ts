// Every save format by name. Adding one: its file beside this one, and one line here.
import type { Recipe, SaveFormat } from '@quantwright/schemas/recipe/recipe';
import { writtenLayout } from '@quantwright/schemas/recipe/written-layout';
import { EngineError } from '../../errors.ts';
import { awqLayout } from './awq.ts';
import { bitsandbytesLayout } from './bitsandbytes.ts';
import { compressedTensorsLayout } from './compressed-tensors.ts';
import { ggufLayout } from './gguf.ts';
import { gptqLayout, gptqV2Layout } from './gptq.ts';
import type { Layout } from './layout.ts';
import { quantwrightLayout } from './quantwright.ts';
import { safetensorsLayout } from './safetensors.ts';

export const layouts = {
  quantwright: quantwrightLayout,
  gptq: gptqLayout,
  gptq_v2: gptqV2Layout,
  awq: awqLayout,
  'compressed-tensors': compressedTensorsLayout,
  gguf: ggufLayout,
  safetensors: safetensorsLayout,
  bitsandbytes: bitsandbytesLayout,
} as const satisfies Readonly<Partial<Record<SaveFormat, Layout>>>;

/** Throws EngineError `config` for a recipe whose layout only other tools write. */
export function layoutOf(recipe: Pick<Recipe, 'saveFormat' | 'scheme'>): Layout {
  const saveFormat = writtenLayout(recipe);
  const written: Readonly<Partial<Record<SaveFormat, Layout>>> = layouts;
  const layout = saveFormat === null ? undefined : written[saveFormat];
  if (layout === undefined) {
    throw new EngineError('config', `Quantwright does not write the layout of ${saveFormat ?? recipe.scheme}; it writes ${Object.keys(layouts).join(', ')}.`);
  }
  return layout;
}
