// Test material: random configs of every format, near enough to real ones to reach the rules, with the model and target they are judged for.
import fc from 'fast-check';
import type { ModelFiles } from '../checkpoint/model-files.ts';
import { isObject } from '../configs/fields.ts';
import { devices } from '../hardware/devices.ts';
import type { RuntimeId, Target } from '../hardware/target.ts';
import { besideFiles } from './arbitrary-files.ts';
import { change, changedValue } from './changed-value.ts';
import { exampleConfigs } from './example-configs.ts';

export interface Sample {
  readonly fileName: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly modelConfig: Readonly<Record<string, unknown>> | null;
  readonly target: Target | null;
  /** What lies beside the config. */
  readonly files: ModelFiles | null;
}

const groupSize = fc.constantFrom<unknown>(-1, 16, 32, 48, 64, 96, 100, 128, 256, 384, 512, 1024, 0, -2, '128', 12.5, null);
const bits = fc.constantFrom<unknown>(2, 3, 4, 5, 8, 16, '4', null);
const flag = fc.constantFrom<unknown>(true, false, 'true', 1);

const customized = record({
  quant_method: fc.constantFrom<unknown>('instant_quant', 'rtn', 'gptq', 'awq', 'llm_int8', 'iq', 'rtnn', ['smoothquant', 'gptq'], ['rtn', 'x'], 3),
  weight_format: fc.constantFrom<unknown>('int8', 'uint8', 'int4', 'uint4', 'int3', 'uint2', 'fp8_e4m3', 'w4', 'INT8', 'int16', 4),
  compute_method: fc.constantFrom<unknown>('weight_only', 'activate_quant', 'activate-quant', 'none'),
  group_size: groupSize,
  group_settings: fc.constantFrom<unknown>({ '.*down_proj': 64 }, { '.*': 8, '(': 32 }, { '.*': 96 }, null),
  symmetric: flag,
  sym: flag,
  dialect: fc.constantFrom<unknown>('ist', 'qllm', 'inc', 'awq', 'compressed_tensors', 'dashinfer_cpu', 'ISTT', 3),
  mse_search: flag,
  full_range: flag,
  scale_type: fc.constantFrom<unknown>('float16', 'bfloat16', 'float32', 'fp16', 'f8'),
  save_format: fc.constantFrom<unknown>('quantwright', 'gptq', 'gptq_v2', 'compressed-tensors', 'compressed_tensors', 'gguf'),
  desc_act: flag,
  overrides: fc.constantFrom<unknown>(
    { '.*down_proj': { group_size: 48 } },
    { '.*up_proj': { weight_format: 'int3' } },
    { '[': {} },
    { '.*': { bits: 4 } },
    [],
  ),
  ignore: fc.constantFrom<unknown>(['lm_head'], ['.*'], ['re:.*mlp'], ['('], 'lm_head'),
  lm_head: flag,
  damp_percent: fc.constantFrom<unknown>(0.01, 1, 0, '0.1'),
  activate_format: fc.constant('int8'),
  kv_cache: fc.constant({ bits: 4 }),
  w_bit: bits,
  q_group_size: groupSize,
  zero_point: flag,
  groupsize: groupSize,
  colour: fc.constant('red'),
});

/** Sound for the schema, so that the judge has the word: most of the wild ones never get that far. */
const sound = fc.record(
  {
    quant_method: fc.constantFrom<unknown>('instant_quant', 'instant_quant', 'rtn', 'gptq'),
    weight_format: fc.constantFrom<unknown>('int8', 'int8', 'uint4', 'uint4', 'int4', 'uint8', 'int3', 'fp8_e4m3'),
    compute_method: fc.constantFrom<unknown>('weight_only', 'activate_quant'),
    group_size: fc.constantFrom<unknown>(-1, 16, 32, 48, 64, 96, 128, 256, 512, 1024),
    save_format: fc.constantFrom<unknown>('quantwright', 'gptq', 'compressed-tensors'),
  },
  { requiredKeys: ['quant_method', 'weight_format', 'group_size'] },
);

const gptq = record({
  quant_method: fc.constantFrom<unknown>('gptq', 'gptqq', 'GPTQ', 7),
  bits,
  group_size: groupSize,
  desc_act: flag,
  sym: flag,
  damp_percent: fc.constantFrom<unknown>(0.01, 0.1, 1, 2, 'x'),
  true_sequential: flag,
  static_groups: flag,
  act_group_aware: flag,
  checkpoint_format: fc.constantFrom<unknown>('gptq', 'gptq_v2', 'marlin', 'gptqv2', null),
  dynamic: fc.constantFrom<unknown>({ '.*down_proj': { bits: 8, group_size: 48 } }, { '-:.*mlp': {} }, { '+:(': {} }, false),
  dataset: fc.constantFrom<unknown>('ptb', 'wikitext2', ['a'], 3),
  w_bit: bits,
  q_group_size: groupSize,
  zero_point: flag,
  act_order: flag,
  percdamp: fc.constant(0.01),
  load_in_4bit: flag,
  damp_precent: fc.constant(0.01),
});

const modelConfig = fc.record({
  model_type: fc.constantFrom('llama', 'qwen3_moe', 'mixtral', 'opt'),
  hidden_size: fc.constantFrom(384, 1000, 2048, 8192),
  intermediate_size: fc.constantFrom(1024, 1030, 5632, 29568),
  num_hidden_layers: fc.constantFrom(1, 3),
  num_attention_heads: fc.constantFrom(4, 8),
  vocab_size: fc.constant(1000),
  torch_dtype: fc.constantFrom('float32', 'bfloat16'),
  num_experts: fc.constantFrom(0, 8),
});

const target: fc.Arbitrary<Target> = fc.record({
  runtime: fc.constantFrom<RuntimeId>(
    'quantwright',
    'dashinfer',
    'dashinfer',
    'vllm',
    'tensorrt-llm',
    'transformers',
    'llama.cpp',
    'onnxruntime',
    'neural-compressor',
  ),
  version: fc.constant(null),
  device: fc.option(fc.oneof(fc.constantFrom(...devices.map((device) => device.id)), fc.constant('abacus'))),
  tensorParallel: fc.constantFrom(1, 1, 2, 4, 7),
});

export const sample: fc.Arbitrary<Sample> = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constantFrom('x.quant.json', 'dashinfer.json'), customized),
      fc.tuple(fc.constant('x.quant.json'), sound),
      fc.tuple(fc.constant('quantize_config.json'), gptq),
      fc.tuple(fc.constant('config.json'), gptq),
    ),
    fc.option(modelConfig),
    fc.option(target),
  )
  .map(([[fileName, own], model, chosen]) => {
    const config = fileName === 'config.json' ? { ...model, quantization_config: own } : own;
    return { fileName, config, modelConfig: model, target: chosen, files: null };
  });

/** Configs of every format: their examples with something changed, and at times with tensors and another file beside them. */
export const changedExample: fc.Arbitrary<Sample> = fc
  .record({
    example: fc.constantFrom(...exampleConfigs),
    changes: fc.array(change, { maxLength: 3 }),
    model: fc.option(modelConfig),
    chosen: fc.option(target),
    files: fc.option(besideFiles),
  })
  .map(({ example, changes, model, chosen, files }) => {
    const changed = changes.reduce<unknown>((value, one) => changedValue(value, one), example.value);
    const config = isObject(changed) ? changed : {};
    return { fileName: example.fileName, config, modelConfig: model, target: chosen, files };
  });

function record(keys: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  return fc.record({ ...keys }, { requiredKeys: [] });
}
