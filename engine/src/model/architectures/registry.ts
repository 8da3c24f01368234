// Every architecture that runs. Adding one: its file beside this one, and one entry here.
import type { JsonObject } from '../../checkpoint/json-file.ts';
import { clip, spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import type { Architecture } from './architecture.ts';
import { gpt2, gptNeox, opt } from './classic.ts';
import { gemma, gemma2, gemma3 } from './gemma.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

export const architectures: readonly Architecture[] = [llama, mistral, qwen2, qwen3, phi3, gemma, gemma2, gemma3, opt, gpt2, gptNeox];

/** Throws kind `checkpoint`, naming the architecture and those that run. */
export function architectureOf(config: JsonObject, file: string): Architecture {
  const named: unknown = Array.isArray(config['architectures']) ? config['architectures'][0] : undefined;
  const found = architectures.find((one) => (typeof named === 'string' ? one.name === named : one.modelType === config['model_type']));
  if (found !== undefined) return found;
  const asked = typeof named === 'string' ? clip(named) : `model_type ${spell(config['model_type'])}`;
  throw new EngineError(
    'checkpoint',
    `${file}: the architecture ${asked} cannot run here; those that run: ${architectures.map((one) => one.name).join(', ')}`,
    { file },
  );
}
