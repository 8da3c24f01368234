// The only judge: may this recipe run on this target? Used by the language server, the command line and the engine alike.
// Runtimes with rows have a judge of their own; for the others only the divisibility that all runtimes share is said, and else `unknown`.

import type { ModelShape } from '../checkpoint/model-shape.ts';
import { findFormat } from '../configs/registry.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { findDevice } from './devices.ts';
import { groupProblem, USUAL_GROUPS } from './group-size.ts';
import { type Intent, type JudgeInput, refused, targetName, unknown } from './judge.ts';
import { judgeDashInfer } from './runtimes/dashinfer/judge.ts';
import { findRuntime } from './runtimes/index.ts';
import { judgeLlamaCpp } from './runtimes/llama.cpp/judge.ts';
import { judgeNeuralCompressor } from './runtimes/neural-compressor/judge.ts';
import { judgeOnnxRuntime } from './runtimes/onnxruntime/judge.ts';
import { judgeQuantwright } from './runtimes/quantwright/judge.ts';
import { judgeSglang } from './runtimes/sglang/judge.ts';
import { judgeTensorRtLlm } from './runtimes/tensorrt-llm/judge.ts';
import { judgeTransformers } from './runtimes/transformers/judge.ts';
import { judgeVllm } from './runtimes/vllm/judge.ts';
import type { RuntimeId, Target } from './target.ts';
import type { SupportVerdict } from './verdict.ts';
import { inRange } from './version-range.ts';

export type { Intent } from './judge.ts';

const JUDGES: Readonly<Partial<Record<RuntimeId, (input: JudgeInput) => readonly SupportVerdict[]>>> = {
  dashinfer: judgeDashInfer,
  quantwright: judgeQuantwright,
  vllm: judgeVllm,
  sglang: judgeSglang,
  transformers: judgeTransformers,
  'tensorrt-llm': judgeTensorRtLlm,
  'llama.cpp': judgeLlamaCpp,
  'neural-compressor': judgeNeuralCompressor,
  onnxruntime: judgeOnnxRuntime,
};

/** Decisive first. */
const ORDER: readonly SupportVerdict['kind'][] = ['refused', 'dequantizes', 'falls_back', 'ignored', 'unknown', 'supported'];

/**
 * At least one verdict, the decisive one first; of several about one field of the recipe only the first a user would meet.
 * `intent` left out: what the recipe's format is for (a GPTQ config.json describes weights to run, a *.quant.json asks for quantization).
 */
export function explainSupport(recipe: Recipe, model: ModelShape | null, target: Target, intent?: Intent): readonly SupportVerdict[] {
  const device = target.device === null ? null : findDevice(target.device);
  const input: JudgeInput = { recipe, model, target, device, intent: intent ?? intentOf(recipe) };
  const judge = isOrdinary(input) ? judgeOrdinary : (JUDGES[target.runtime] ?? judgeUnlisted);
  const verdicts = [...ofVersion(input, judge(input)), ...unknownDevice(input)];
  if (verdicts.length === 0) {
    return [
      unknown(input, {
        rule: 'NO-ROW',
        field: 'methods',
        message: `${targetName(input)}: there are no support rows for this combination, so nothing is said.`,
      }),
    ];
  }
  const decisive = verdicts.some((verdict) => verdict.kind === 'refused') ? verdicts.filter((verdict) => verdict.kind !== 'supported') : verdicts;
  return onePerField(decisive).sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function intentOf(recipe: Recipe): Intent {
  return findFormat(recipe.format)?.describes === 'checkpoint' ? 'run' : 'quantize';
}

/** A model that is only rescaled is an ordinary one to everybody else. */
function isOrdinary({ recipe, target, intent }: JudgeInput): boolean {
  return intent === 'quantize' && recipe.saveFormat === 'safetensors' && target.runtime !== 'quantwright';
}

function judgeOrdinary(input: JudgeInput): readonly SupportVerdict[] {
  return [{ kind: 'supported', target: input.target, kernel: 'unquantized weights', source: 'engine/src/pipeline/layouts' }];
}

function judgeUnlisted(input: JudgeInput): readonly SupportVerdict[] {
  const problem = groupProblem(input, 'DIV-K', USUAL_GROUPS);
  const none = unknown(input, {
    rule: 'NO-ROW',
    field: 'methods',
    message: `${targetName(input)}: there are no support rows for this runtime yet, so nothing more is said.`,
  });
  return problem === null ? [none] : [refused(input, problem), none];
}

/** Rules of other versions than the target's do not speak; when none is left, nothing is known about that version. */
function ofVersion(input: JudgeInput, verdicts: readonly SupportVerdict[]): readonly SupportVerdict[] {
  const runtime = findRuntime(input.target.runtime);
  const { version } = input.target;
  const left = verdicts.filter((verdict) => verdict.kind === 'supported' || inRange(version, verdict.versions));
  const known = (runtime?.rules ?? []).some((rule) => inRange(version, rule.versions));
  const rows = runtime?.rules.length ?? 0;
  return known || rows === 0
    ? left
    : [
        unknown(input, {
          rule: 'NO-ROW',
          field: 'methods',
          message: `${targetName(input)}: there are no support rows for version ${version}, so nothing is said.`,
        }),
      ];
}

function unknownDevice(input: JudgeInput): readonly SupportVerdict[] {
  const { device } = input.target;
  return device === null || input.device !== null
    ? []
    : [
        unknown(input, {
          rule: 'NO-DEVICE',
          field: 'methods',
          message: `${targetName(input)}: the device "${device}" is not known, so its limits are not checked.`,
        }),
      ];
}

function onePerField(verdicts: readonly SupportVerdict[]): SupportVerdict[] {
  const seen = new Set<string>();
  return verdicts.filter((verdict) => {
    if (verdict.kind !== 'refused') {
      return true;
    }
    const fresh = !seen.has(verdict.field);
    seen.add(verdict.field);
    return fresh;
  });
}
