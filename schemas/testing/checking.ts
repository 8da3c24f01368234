// Test material for rules: the findings of one code, and the config after the preferred fix of the first.
import { checkConfig } from '../check/check.ts';
import type { Finding } from '../check/finding.ts';
import { applyEdits } from '../document/edit.ts';
import { parseJson } from '../document/json.ts';
import type { RuntimeId, Target } from '../hardware/target.ts';

export interface Place {
  readonly file?: string;
  readonly model?: Readonly<Record<string, unknown>>;
  readonly runtime?: RuntimeId;
  readonly device?: string;
  readonly tensorParallel?: number;
}

/** `config`: text, or an object to print. The file is a *.quant.json unless named. */
export function findings(code: string, config: unknown, place: Place = {}): readonly Finding[] {
  return check(textOf(config), place).filter((finding) => finding.code === code);
}

/** The config after the preferred fix of the only finding of `code`; throws when there is not exactly one, or no fix, or it stays. */
export function fixed(code: string, config: unknown, place: Place = {}): unknown {
  const text = textOf(config);
  const [finding, ...more] = findings(code, text, place);
  const fix = finding?.fixes.find((one) => one.preferred);
  if (finding === undefined || fix === undefined || more.length > 0) {
    throw new Error(`${more.length + (finding === undefined ? 0 : 1)} findings of ${code}, preferred fix: ${fix?.title ?? 'none'}`);
  }
  const after = applyEdits(text, fix.edits);
  const left = findings(code, after, place);
  if (left.length > 0) {
    throw new Error(`after "${fix.title}": ${left[0]?.message}`);
  }
  return parseJson(after).root?.value;
}

/** A Llama's config.json with these sizes. */
export function llamaConfig(hidden: number, intermediate: number): Readonly<Record<string, unknown>> {
  return {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: 2,
    num_attention_heads: 16,
    vocab_size: 1000,
  };
}

function check(text: string, { file, model, runtime, device, tensorParallel }: Place): readonly Finding[] {
  const targets: readonly Target[] = runtime === undefined ? [] : [{ runtime, version: null, device: device ?? null, tensorParallel: tensorParallel ?? 1 }];
  return checkConfig({ fileName: file ?? 'job.quant.json', text, modelConfigText: model === undefined ? null : JSON.stringify(model), targets }).findings;
}

function textOf(config: unknown): string {
  return typeof config === 'string' ? config : JSON.stringify(config, null, 2);
}
