// Everything about calibration that can be refused before a weight is read: whether there is a text, whether the model has a tokenizer and blocks that can run on
// their own, and how many sequences the text gives.
import { dirname, join, resolve } from 'node:path';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { EngineError } from '../errors.ts';
import type { Method } from '../methods/method.ts';
import { type ModelConfig, parseModelConfig } from '../model/config.ts';
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
