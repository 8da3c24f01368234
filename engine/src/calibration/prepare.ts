// Everything about calibration that can be refused before a weight is read: whether there is a text, whether the model has a tokenizer and blocks that can run on
// their own, and how many sequences the text gives.
import { dirname, join, resolve } from 'node:path';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { EngineError } from '../errors.ts';
import type { Method } from '../methods/method.ts';
import { type ModelConfig, parseModelConfig } from '../model/config.ts';
import type { PhaseDemand } from '../pipeline/memory/phase.ts';
import type { PlannedModule } from '../pipeline/plan.ts';
import { loadTokenizer } from '../text/tokenizer.ts';
import { type CalibrationSamples, readSamples } from './samples.ts';

export interface Calibration extends CalibrationSamples {
  readonly config: ModelConfig;
}

/** What configs that cannot name any get: few enough for minutes on a small model. */
const defaults = { samples: 128, sequenceLength: 512 };

export interface CalibrationPlace {
  readonly modelDir: string;
  readonly configPath: string;
  /** A text that the caller names; it comes before the config's. */
  readonly calibrationPath?: string;
}

/** `method`: who asks for it, for messages. Throws kind `input`, `checkpoint` or `io`. */
export async function prepareCalibration(
  recipe: Recipe,
  method: Pick<Method, 'id'>,
  { modelDir, configPath, calibrationPath }: CalibrationPlace,
): Promise<Calibration> {
  const named = recipe.calibration?.dataset ?? null;
  const file = calibrationPath ?? (named === null ? undefined : resolve(dirname(configPath), named));
  if (file === undefined) {
    throw new EngineError(
      'input',
      `${method.id} needs a calibration text: give --calibration FILE, or "calibration": {"dataset": "text.txt"} in ${configPath}`,
      { file: configPath },
    );
  }
  const configFile = join(modelDir, 'config.json');
  const config = parseModelConfig(await readJsonObject(configFile, limits.configBytes), configFile);
  const { samples, sequenceLength } = recipe.calibration ?? defaults;
  const read = await readSamples(file, await loadTokenizer(modelDir), { samples, sequenceLength, contextLength: config.contextLength });
  return { config, ...read };
}

/** Fixed: no setting of it is made smaller for a budget. */
export function calibrationDemand(calibration: Calibration, recipe: Recipe, blocks: readonly (readonly PlannedModule[])[]): PhaseDemand {
  const parts = [{ what: 'hidden states, Hessians and a block', bytes: calibrationBytes(calibration, recipe, blocks) }];
  return { memory: () => ({ phase: 'calibrate', at: 'the largest block', parts }), advice: [] };
}

/**
 * Bytes beside the plan's own: the embedding table, hidden states of all sequences, the Hessians of a block with a copy, a working copy and a factor of the widest, and the block's
 * weights, as they are stored and restored in f32.
 */
function calibrationBytes({ config, sequences }: Calibration, recipe: Recipe, blocks: readonly (readonly PlannedModule[])[]): number {
  const tokens = sequences.reduce((sum, sequence) => sum + sequence.length, 0);
  const hidden = tokens * config.shape.hiddenSize * 4;
  const ofBlock = blocks.map((modules) => {
    const widths = [...new Map(modules.map(({ source, cols }) => [source.input, cols])).values()];
    const largest = Math.max(0, ...widths) ** 2 * 4;
    const observed = recipe.trueSequential ? largest : widths.reduce((sum, width) => sum + width ** 2 * 4, 0);
    const weights = modules.reduce((sum, module) => sum + module.source.weight.bytes + 4 * module.rows * module.cols, 0);
    return observed + 2.5 * largest + weights;
  });
  const table = config.shape.vocabSize * config.shape.hiddenSize * 4;
  return table + hidden + Math.max(0, ...ofBlock);
}
