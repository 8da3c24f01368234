// The architectures that run, all of the Llama family: same blocks, different bias flags and attention windows. Adding one of this family is one entry;
// one with other blocks brings its own builder beside llama.ts.
import type { JsonObject } from '../checkpoint/json-file.ts';
import { clip, spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';

export interface Biases {
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
}

export interface Architecture {
  /** architectures[0] of config.json. */
  readonly name: string;
  readonly modelType: string;
  biases(config: JsonObject): Biases;
  windows(config: JsonObject, layers: number, file: string): readonly (number | null)[];
}

const llama: Architecture = {
  name: 'LlamaForCausalLM',
  modelType: 'llama',
  biases: (config) => ({ qkvBias: config['attention_bias'] === true, outputBias: config['attention_bias'] === true, mlpBias: config['mlp_bias'] === true }),
  windows: (_, layers) => Array<null>(layers).fill(null),
};

const mistral: Architecture = {
  name: 'MistralForCausalLM',
  modelType: 'mistral',
  biases: () => ({ qkvBias: false, outputBias: false, mlpBias: false }),
  // A config without the key means the library's default of 4096; null means none.
  windows: (config, layers, file) => Array<number | null>(layers).fill(window(config['sliding_window'] === undefined ? 4_096 : config['sliding_window'], file)),
};

const qwen2: Architecture = {
  name: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  biases: () => ({ qkvBias: true, outputBias: false, mlpBias: false }),
  windows: (config, layers, file) => {
    const size = config['use_sliding_window'] === true ? window(config['sliding_window'] ?? null, file) : null;
    const types = config['layer_types'];
    const first = typeof config['max_window_layers'] === 'number' ? config['max_window_layers'] : layers;
    return Array.from({ length: layers }, (_, layer) => ((Array.isArray(types) ? types[layer] === 'sliding_attention' : layer >= first) ? size : null));
  },
};

export const architectures: readonly Architecture[] = [llama, mistral, qwen2];

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

function window(value: unknown, file: string): number | null {
  if (value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new EngineError('checkpoint', `${file}: sliding_window is ${spell(value)}; it must be a positive integer or null`, { file });
}
