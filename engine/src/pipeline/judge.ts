// The judge at the engine's door: the same check service that the editor and `check` use, on the same texts. A finding of severity error ends the job
// here, with its code and words, before a weight is read.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { Finding } from '@quantwright/schemas/check/finding';
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { isShape, modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { parseJsonObject } from '../checkpoint/json-file.ts';
import { requireModelDirectory } from '../checkpoint/model-directory.ts';
import { EngineError, fileError } from '../errors.ts';

export interface JudgedConfig {
  readonly recipe: Recipe;
  readonly text: string;
  /** Findings of severity warning. */
  readonly warnings: readonly string[];
}

export interface JudgedJob extends JudgedConfig {
  readonly model: ModelShape;
  readonly modelConfigText: string;
}

/** What a job is judged against: this engine, one device. */
export const ownTarget: Target = { runtime: 'quantwright', version: null, device: null, tensorParallel: 1 };

/** A config for a model. Throws kind `config` with the findings, `input` when a file is missing, `checkpoint` for an unknown architecture. */
export async function judgeJob(configPath: string, modelDir: string): Promise<JudgedJob> {
  await requireModelDirectory(modelDir);
  const modelConfig = join(modelDir, 'config.json');
  const modelConfigText = await readText(modelConfig);
  const judged = await judgeConfig(configPath, modelConfigText);
  // The check goes on where a model cannot be understood; the job cannot.
  const shape = modelShapeFromConfig(parseJsonObject(modelConfigText, modelConfig));
  if (!isShape(shape)) throw new EngineError('checkpoint', `${modelConfig}: the model cannot be quantized: ${shape.reason}`, { file: modelConfig });
  return { ...judged, model: shape, modelConfigText };
}

/** A config by itself (`tensor`), or with a model's config.json. */
export async function judgeConfig(configPath: string, modelConfigText: string | null): Promise<JudgedConfig> {
  return judgeText(configPath, await readText(configPath), modelConfigText);
}

/** The same of a text that is not on the disk; `configPath` is for people, and says what format it has. */
export function judgeText(configPath: string, text: string, modelConfigText: string | null): JudgedConfig {
  const { format, recipe, findings } = checkConfig({ fileName: configPath, text, modelConfigText, targets: [ownTarget] });
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (errors.length > 0) throw refusal(configPath, errors);
  if (format === null || recipe === null) {
    throw new EngineError('config', `${configPath} is not a quantization config: it has no "quant_method" that is known here`, { file: configPath });
  }
  return { recipe, text, warnings: findings.filter((finding) => finding.severity === 'warning').map((finding) => `${finding.code}: ${finding.message}`) };
}

/** The message begins with the first finding's own words; all of them are in `findings`. */
function refusal(file: string, errors: readonly Finding[]): EngineError {
  const words = errors.map((finding) => `${finding.code}: ${finding.message}`);
  return new EngineError('config', `${file}: ${words.join('; ')}`, { file, findings: errors.map(({ code, message }) => ({ code, message })) });
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileError('read', file, cause);
  });
}
