// Everything about calibration that can be refused before a weight is read: which text there is, whether the model has a tokenizer and blocks that can run on
// their own, and how many sequences the text gives.
import { dirname, join, resolve } from 'node:path';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import type { Method } from '../methods/method.ts';
import { type ModelConfig, parseModelConfig } from '../model/config.ts';
import { loadTokenizer } from '../text/tokenizer.ts';
import { builtInDocuments, builtInName } from './built-in.ts';
import { encodeDocuments, readDocuments } from './documents.ts';
import { type CalibrationSamples, cutSamples, requireTokens } from './samples.ts';

export interface Calibration extends CalibrationSamples {
  readonly config: ModelConfig;
  /** The file, or what the built-in text is called. */
  readonly text: string;
  /** Of all sequences. */
  readonly tokens: number;
  readonly seed: number | null;
}

/** What configs that cannot name any get: few enough for minutes on a small model. */
const defaults = { samples: 128, sequenceLength: 512, seed: null };

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
  const file = calibrationPath ?? (named === null ? null : resolve(dirname(configPath), named));
  const configFile = join(modelDir, 'config.json');
  const config = parseModelConfig(await readJsonObject(configFile, limits.configBytes), configFile);
  const { samples, sequenceLength, seed = null } = recipe.calibration ?? defaults;
  const options = { samples, sequenceLength, seed, contextLength: config.contextLength };
  const name = file ?? builtInName;
  const documents = file === null ? await builtInDocuments() : await readDocuments(file);
  const ids = encodeDocuments(documents, await loadTokenizer(modelDir), modelDir);
  requireTokens(ids, options, name);
  const cut = cutSamples(ids, options, name);
  const unnamed = `${method.id} was calibrated on ${builtInName}, short conversations about quantization; a text like what the model will be used for is better: --calibration FILE`;
  const tokens = cut.sequences.reduce((sum, sequence) => sum + sequence.length, 0);
  return { config, text: name, tokens, seed, sequences: cut.sequences, warnings: file === null ? [unnamed, ...cut.warnings] : cut.warnings };
}
