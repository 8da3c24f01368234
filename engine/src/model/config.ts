// config.json -> everything the forward pass must know. Sizes are checked against limits before anything is allocated for them,
// and what cannot run is refused by name.

import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import type { JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';
import type { Architecture, Traits } from './architectures/architecture.ts';
import { architectureOf } from './architectures/registry.ts';
import { ropeLimit } from './rope.ts';

export interface ModelConfig extends Traits {
  readonly shape: ModelShape;
  readonly architecture: Architecture;
  readonly contextLength: number;
  readonly rmsNormEps: number;
}

/** Largest sizes that are believed; far above any published dense model, low enough that products stay exact and a damaged config cannot ask for terabytes. */
const sizeLimits = {
  hiddenSize: 65_536,
  intermediateSize: 1_048_576,
  layers: 512,
  heads: 1_024,
  kvHeads: 1_024,
  headDim: 1_024,
  vocabSize: 4_194_304,
  maxPositions: 16_777_216,
} as const;

/** `file`: for messages. Throws kind `checkpoint`. */
export function parseModelConfig(config: JsonObject, file: string): ModelConfig {
  const architecture = architectureOf(config, file);
  const shape = modelShapeFromConfig({ ...config, model_type: architecture.modelType });
  if (!isShape(shape)) throw new EngineError('checkpoint', `${file}: ${shape.reason}`, { file });
  for (const [key, limit] of Object.entries(sizeLimits) as [keyof typeof sizeLimits, number][]) {
    if (shape[key] > limit) throw new EngineError('checkpoint', `${file}: ${key} is ${shape[key]}, more than the limit of ${limit}`, { file });
  }
  if (shape.headDim < 1 || (shape.headDim % 2 !== 0 && architecture.modelType !== 'gpt2' && architecture.modelType !== 'opt'))
    throw new EngineError('checkpoint', `${file}: the head dimension is ${shape.headDim}; rotary embedding needs an even one`, { file });
  if (shape.heads % shape.kvHeads !== 0)
    throw new EngineError('checkpoint', `${file}: ${shape.heads} attention heads cannot share ${shape.kvHeads} key/value heads`, { file });
  const eps = config['rms_norm_eps'] ?? 1e-6;
  if (typeof eps !== 'number' || !(eps >= 0 && eps < 1))
    throw new EngineError('checkpoint', `${file}: rms_norm_eps is ${spell(eps)}; it must lie in [0, 1)`, { file });
  const traits = architecture.traits({ config, shape, file });
  return {
    shape,
    architecture,
    contextLength: Math.min(shape.maxPositions, ...traits.ropes.map(ropeLimit)),
    rmsNormEps: eps,
    ...traits,
  };
}
