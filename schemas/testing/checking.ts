// Test material for rules: the findings of one code, and the config after the preferred fix of the first.
import { checkConfig } from '../check/check.ts';
import type { Finding } from '../check/finding.ts';
import type { CheckInput } from '../check/types.ts';
import type { ModelFiles } from '../checkpoint/model-files.ts';
import { tensorTable } from '../checkpoint/tensor-table.ts';
import { applyEdits } from '../document/edit.ts';
import { parseJson } from '../document/json.ts';
import type { RuntimeId, Target } from '../hardware/target.ts';

export interface Place {
  readonly file?: string;
  readonly model?: Readonly<Record<string, unknown>>;
  readonly runtime?: RuntimeId;
  readonly device?: string;
  readonly tensorParallel?: number;
  readonly version?: string;
  /** Other files beside the config: their texts, or objects to print. */
  readonly beside?: Readonly<Record<string, unknown>>;
  /** Headers of the safetensors beside the config. */
  readonly tensors?: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
  readonly suppress?: CheckInput['suppress'];
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

function check(text: string, place: Place): readonly Finding[] {
  const { file, model, runtime, device, tensorParallel, version, suppress } = place;
  const targets: readonly Target[] =
    runtime === undefined ? [] : [{ runtime, version: version ?? null, device: device ?? null, tensorParallel: tensorParallel ?? 1 }];
  const modelConfigText = model === undefined ? null : JSON.stringify(model);
  return checkConfig({ fileName: file ?? 'job.quant.json', text, modelConfigText, targets, files: filesOf(place), suppress: suppress ?? [] }).findings;
}

function filesOf({ beside, tensors }: Place): ModelFiles | null {
  if (beside === undefined && tensors === undefined) {
    return null;
  }
  const headers = new Map(Object.entries(tensors ?? {}).map(([name, [dtype, shape]]) => [name, { dtype, shape, begin: 0, end: 0 }]));
  const table = tensors === undefined ? null : tensorTable([{ name: 'model.safetensors', tensors: headers }], null, []);
  return { texts: new Map(Object.entries(beside ?? {}).map(([name, value]) => [name, textOf(value)])), tensors: table };
}

function textOf(config: unknown): string {
  return typeof config === 'string' ? config : JSON.stringify(config, null, 2);
}
