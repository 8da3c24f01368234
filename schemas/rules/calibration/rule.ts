// QC019: calibration data that is gone or unknown (the formats say that), that is little, or longer than the model's positions.
import type { Finding } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { nodeAt, rangeAt } from '../../document/find.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { QuantMethod } from '../../recipe/recipe.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { numberFix } from './fix.ts';

const USUAL_SAMPLES = 128;
/** Names for the number of samples and their length, beside or inside the calibration settings. */
const SAMPLES = ['samples', 'nsamples', 'num_samples', 'num_calibration_samples', 'num_calib_data'];
const LENGTHS = ['sequence_length', 'seqlen', 'max_seq_length', 'max_calib_seq_len', 'model_seqlen'];
/** Methods that fit weights, or the ranges of activations, to the samples. */
const CALIBRATED: readonly QuantMethod[] = ['gptq', 'awq', 'teq', 'spqr', 'smoothquant', 'w8a8_static', 'auto_round'];

export const calibration: Rule = {
  code: 'QC019',
  run: (context) => [...findingsOf('QC019', context), ...noText(context), ...fewSamples(context), ...longSamples(context)],
};

/** Ours alone: other tools bring a dataset of their own. The command line can name the text as well, so this is no error. */
function noText(context: RuleContext): readonly Finding[] {
  const { recipe, origins, path } = context;
  const method = recipe?.methods.find((one) => CALIBRATED.includes(one)) ?? (recipe?.zeroquant?.lkd ? 'zeroquant with lkd' : undefined);
  if (recipe?.format !== 'quantwright' || method === undefined || (recipe.calibration?.dataset ?? null) !== null) {
    return [];
  }
  const message = `${method} needs text to calibrate with: name a file in "calibration": {"dataset": ...}, or give it when quantizing (--calibration).`;
  return [{ ...findingAt(origins.methods?.path ?? path, 'information', message, [], context), source: null }];
}

function fewSamples(context: RuleContext): readonly Finding[] {
  const { recipe } = context;
  // QLLM takes 64 samples at most for AWQ (wejoncy/QLLM qllm/auto_model_quantization.py :: run), so that more would not help.
  const capped = recipe?.scheme === 'qllm' && recipe.methods.includes('awq');
  const asks = context.format.describes === 'recipe' && !capped && recipe?.methods.some((method) => CALIBRATED.includes(method)) === true;
  const place = asks ? numberAt(SAMPLES, context) : null;
  if (place === null || place.value >= USUAL_SAMPLES || place.value <= 0) {
    return [];
  }
  const message = `${place.value} calibration samples are fewer than the usual ${USUAL_SAMPLES}: the statistics then follow the samples more than the model.`;
  return [findingAt(place.path, 'hint', message, numberFix(place.path, USUAL_SAMPLES), context)];
}

function longSamples(context: RuleContext): readonly Finding[] {
  const place = context.model === null ? null : numberAt(LENGTHS, context);
  const most = context.model?.maxPositions ?? 0;
  if (place === null || place.value <= most) {
    return [];
  }
  const message = `Samples of ${place.value} tokens are longer than the ${most} positions of the model (max_position_embeddings), which it was never trained on.`;
  return [findingAt(place.path, 'warning', message, numberFix(place.path, most), context)];
}

interface Place {
  readonly path: JsonPath;
  readonly value: number;
}

function numberAt(keys: readonly string[], { document, origins, path }: RuleContext): Place | null {
  const holders = [origins.calibration?.path ?? path, path];
  for (const at of holders.flatMap((holder) => keys.map((key) => [...holder, key]))) {
    const value = nodeAt(document.root, at)?.value;
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      return { path: at, value };
    }
  }
  return null;
}

function findingAt(path: JsonPath, severity: Finding['severity'], message: string, fixes: Finding['fixes'], { document }: RuleContext): Finding {
  return {
    code: 'QC019',
    severity,
    message,
    path,
    range: rangeAt(document.root, path),
    supportRule: null,
    source: 'casper-hansen/AutoAWQ issues 198, 508 and 598',
    fixes,
  };
}
