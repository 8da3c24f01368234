// Formats that are recognised by their keys alone (QLLM, qllm-infer, SmoothQuant, ChatGLM): what they claim, what they leave, and what they mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../check/check.ts';
import type { CheckResult } from '../check/types.ts';
import type { RuntimeId } from '../hardware/target.ts';
import { moduleWeights } from '../recipe/module-weights.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { findFormat } from './registry.ts';

function check(config: unknown, fileName = 'settings.json', runtime?: RuntimeId): CheckResult {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  const targets = runtime === undefined ? [] : [{ runtime, version: null, device: null, tensorParallel: 1 }];
  return checkConfig({ fileName, text, modelConfigText: null, targets });
}

function recipe(config: unknown, fileName?: string): Recipe {
  const found = check(config, fileName).recipe;
  assert.ok(found);
  return found;
}

const messages = (config: unknown, fileName?: string): readonly string[] => check(config, fileName).findings.map(({ code, severity }) => `${code} ${severity}`);

test('files that only share some keys are left to others', () => {
  const others: readonly (readonly [config: unknown, file?: string])[] = [
    [{ alpha: 0.5, model_path: 'x', n_samples: 40 }],
    [{ alpha: 16, r: 8, lora_dropout: 0.1, ignore: [] }],
    [{ smoothing_strength: 0.2 }],
    [{ bits_w: 4, gptq: true }],
    [{ gptq_dataset: 'c4', gptq_nsamples: 128, gptq_seqlen: 2048 }],
    [{ wbits: 4, groupsize: 128, act_order: true }],
    [{ pack_mode: 'GPTQ', color: 'red' }],
    [{ quantization_bit: 8, learning_rate: 1e-4 }],
    [{ model_type: 'chatglm', quantization_bit: 0 }, 'config.json'],
    [{ model_type: 'chatglm', hidden_size: 4096 }, 'config.json'],
  ];
  for (const [config, file] of others) {
    assert.equal(check(config, file).format, null, JSON.stringify(config));
  }
  const gptq = { bits: 4, group_size: 128, desc_act: false, sym: true, damp_percent: 0.01, quant_method: 'gptq' };
  assert.equal(check(gptq, 'quantize_config.json').format, 'gptq-quantize-config');
  const awq = { zero_point: true, q_group_size: 128, w_bit: 4, version: 'GEMM', quant_method: 'awq' };
  assert.notEqual(check(awq, 'quant_config.json').format, 'qllm');
  const both = { model_type: 'chatglm', quantization_bit: 4, quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true } };
  assert.equal(check(both, 'config.json').format, 'hf-bitsandbytes');
});

test('QLLM: a run and the file that it writes mean the same weights', () => {
  const run = recipe({ quant_method: 'gptq', wbits: 3, groupsize: 64, sym: true, act_order: true, percdamp: 0.05, pack_mode: 'GPTQ' });
  const written = recipe(
    { quant_method: 'gptq', bits: 3, group_size: 64, sym: true, desc_act: true, damp_percent: 0.05, version: 'GPTQ' },
    'quant_config.json',
  );
  assert.deepEqual([run.methods, run.weights, run.dampPercent, run.variant], [written.methods, written.weights, written.dampPercent, written.variant]);
  assert.deepEqual([run.weights.bits, run.weights.groupSize, run.weights.descAct], [3, 64, true]);
  assert.equal(check({ wbits: 16, groupsize: 128, quant_method: 'gptq', pack_mode: 'AUTO' }).recipe, null);
});

test('QLLM: the samples of GPTQ count; AWQ takes 64 at most and is made for few', () => {
  const samples = (quant_method: string): number | null => recipe({ quant_method, wbits: 4, pack_mode: 'AUTO', nsamples: 16 }).calibration?.samples ?? null;
  assert.deepEqual(['gptq', 'awq', 'hqq'].map(samples), [16, null, null]);
});

test('QLLM by layer: most layers count, the others are overrides, and what is not named stays plain', () => {
  const layer = (wbits: number, groupsize: number): object => ({ wbits, groupsize });
  const own = recipe({ 'a.0.up': layer(5, 64), 'a.0.down': layer(4, 128), 'a.1.down': layer(4, 128), quant_method: 'gptq' });
  const settings = moduleWeights(own);
  assert.deepEqual(
    ['a.0.up', 'a.1.down', 'a.1.up', 'a.0.down_norm'].map((name) => settings(name)?.bits ?? null),
    [5, 4, null, null],
  );
  assert.equal(check({ a: layer(4, 128), b: { wbits: 4 } }).format, null);
});

test('QLLM: mixed bits and activation order go with one layout only', () => {
  const run = (own: object): readonly string[] => messages({ quant_method: 'gptq', wbits: 4, groupsize: 128, pack_mode: 'GPTQ', ...own });
  assert.deepEqual(run({}), []);
  assert.deepEqual(run({ act_order: true }), []);
  assert.deepEqual(run({ act_order: true, pack_mode: 'GEMM' }), ['QC009 error']);
  assert.deepEqual(run({ allow_mix_bits: true }), ['QC017 information']);
  assert.deepEqual(run({ allow_mix_bits: true, pack_mode: 'ORT' }), ['QC013 error']);
  assert.deepEqual(run({ allow_mix_bits: true, quant_method: 'hqq' }), ['QC013 error']);
});

test('qllm-infer: methods, activations and cache', () => {
  const w8a8 = recipe({ bits_w: 8, sym_w: true, bits_a: 8, sym_a: true, a_per_token: true, smoothquant: true });
  assert.deepEqual(
    [w8a8.methods, w8a8.activations?.granularity, w8a8.computeMethod, w8a8.dialect],
    [['smoothquant', 'rtn'], 'per_token', 'activate_quant', 'qllm'],
  );
  assert.deepEqual(w8a8.calibration, { dataset: 'pile', samples: 512, sequenceLength: 512 });
  const gptq = recipe('bits_w: 3\ngroupsize_w: 128\nbits_a: 16\ngptq: true\ngptq_act_order: true\nkivi: true\nkivi_k_bits: 2\n', 'run.yaml');
  assert.deepEqual([gptq.methods, gptq.activations, gptq.weights.descAct, gptq.weights.zeroPoint], [['gptq'], null, true, 'integer']);
  assert.deepEqual([gptq.kvCache?.method, gptq.kvCache?.bits, gptq.kvCache?.groupSize], ['kivi', 4, 32]);
  assert.equal(recipe({ bits_w: 4, bits_a: 4, groupsize_a: 128, kvquant: true, kvquant_kv_bits: 3 }).kvCache?.dtype, 'codebook');
  for (const off of [{ bits_w: 16 }, { zeroquant: true }, { llm_int8: true }]) {
    assert.equal(check({ bits_w: 4, groupsize_w: 128, bits_a: 16, ...off }).recipe, null);
  }
});

test('qllm-infer: what is passed over in silence is told', () => {
  const own = { bits_w: 4, groupsize_w: 128, bits_a: 16 };
  assert.deepEqual(messages({ ...own, spqr: true }), []);
  assert.deepEqual(messages({ ...own, zeroquant: true, gptq: true }), ['QC013 warning']);
  assert.deepEqual(messages({ ...own, bits_w: 16, gptq: true }), ['QC013 warning']);
  assert.deepEqual(messages({ ...own, bits_w: 16, zeroquant: true }), []);
});

test('SmoothQuant: eight bits on both sides, or nothing', () => {
  const own = { alpha: 0.5, act_scales_path: 'a.pt', weight_quant: 'per_channel', act_quant: 'per_tensor' };
  const { weights, activations, computeMethod } = recipe(own);
  assert.deepEqual([weights.bits, activations?.bits, activations?.granularity, computeMethod], [8, 8, 'per_tensor', 'activate_quant']);
  assert.equal(check({ ...own, quantize: false }).recipe, null);
  assert.deepEqual(messages({ ...own, smoothing_strength: 0.6 }), ['QC013 warning']);
  assert.deepEqual(messages({ ...own, smoothing_strength: 0.5 }), []);
  assert.deepEqual(messages({ ...own, smooth: false }), ['QC013 warning']);
  assert.deepEqual(messages({ smoothing_strength: 0.5, mappings: [[['re:.*fc1'], 're:.*final_layer_norm']] }), []);
  assert.deepEqual(messages({ smoothing_strength: 0.5, mappings: [[[], 're:.*norm'], 'fc1'] }), ['QC013 error', 'QC013 error']);
});

test('ChatGLM: the widths of its kernels, and nothing said where no row was read', () => {
  const own = { model_type: 'chatglm', quantization_bit: 4 };
  assert.deepEqual([recipe(own).scheme, recipe(own).weights.bits, recipe(own).weights.symmetric], ['chatglm', 4, true]);
  for (const runtime of ['transformers', 'vllm', 'sglang', 'llama.cpp', 'onnxruntime'] as const) {
    assert.deepEqual(
      check(own, 'config.json', runtime).verdicts.map(({ kind }) => kind),
      ['unknown'],
      runtime,
    );
  }
  assert.deepEqual(messages({ ...own, quantization_bit: 0, quantization_embeddings: true }), ['QC013 warning']);
});

test('lowering never throws', () => {
  for (const id of ['qllm', 'qllm-layers', 'qllm-infer', 'smoothquant', 'hf-chatglm']) {
    const format = findFormat(id);
    assert.ok(format);
    const keys = fc.constantFrom(...Object.keys(format.schema.properties ?? {}));
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(keys, fc.jsonValue()), fc.jsonValue()), (value) => {
        format.lower(value, []);
      }),
      { numRuns: 200 },
    );
  }
});
