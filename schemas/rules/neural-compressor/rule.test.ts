// QC022: what Neural Compressor refuses or replaces, in post-training configs and in FP8 configs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdits } from '../../document/edit.ts';
import { findings, fixed } from '../../testing/checking.ts';

const nc = { file: 'ptq.json' };
const weightOnly = (weight: Readonly<Record<string, unknown>>, rest: Readonly<Record<string, unknown>> = {}) => ({
  approach: 'weight_only',
  op_type_dict: { '.*': { weight: { bits: 4, group_size: 32, algorithm: 'RTN', ...weight } } },
  ...rest,
});
const layerWise = { recipes: { layer_wise_quant: true } };

test('AWQ and TEQ do not go layer by layer; RTN and GPTQ do', () => {
  for (const algorithm of ['AWQ', 'TEQ']) {
    assert.match(findings('QC022', weightOnly({ algorithm }, layerWise), nc)[0]?.message ?? '', new RegExp(`does not go with ${algorithm}`));
  }
  for (const algorithm of ['RTN', 'GPTQ']) {
    assert.deepEqual(findings('QC022', weightOnly({ algorithm }, layerWise), nc), []);
  }
  assert.equal(findings('QC022', weightOnly({ algorithm: 'RTN' }, { ...layerWise, backend: 'onnxrt_cuda_ep' }), nc).length, 1);
  assert.deepEqual(fixed('QC022', weightOnly({ algorithm: 'AWQ' }, layerWise), nc), weightOnly({ algorithm: 'AWQ' }, { recipes: { layer_wise_quant: false } }));
});

test('values outside the lists are told, alone and in lists of candidates', () => {
  assert.deepEqual(fixed('QC022', weightOnly({ scheme: 'symm' }), nc), weightOnly({ scheme: 'sym' }));
  assert.equal(findings('QC022', weightOnly({ bits: [4, 9] }), nc).length, 1);
  assert.deepEqual(findings('QC022', weightOnly({ bits: [4, 8], scheme: ['sym', 'asym'], group_size: -1 }), nc), []);
  assert.equal(findings('QC022', weightOnly({ group_size: 0 }), nc).length, 1);
});

test('alpha of SmoothQuant is auto or between 0 and 1', () => {
  const smooth = (alpha: unknown) => ({ approach: 'static', recipes: { smooth_quant: true, smooth_quant_args: { alpha } } });
  for (const alpha of [0, 0.5, 1, 'auto', [0.3, 0.6]]) {
    assert.deepEqual(findings('QC022', smooth(alpha), nc), []);
  }
  for (const alpha of [1.5, -0.1, [0.5, 2], 'automatic']) {
    assert.equal(findings('QC022', smooth(alpha), nc).length, 1, JSON.stringify(alpha));
  }
});

test('a fix of a YAML config keeps its comments', () => {
  const text = '# ours\napproach: statick # with data\nrecipes:\n  smooth_quant: true\n';
  const [finding] = findings('QC022', text, { file: 'ptq.yaml' });
  assert.equal(applyEdits(text, finding?.fixes[0]?.edits ?? [], 'yaml'), text.replace('statick', 'static'));
});

const fp8 = { file: 'maxabs_quant.json' };
const base = { mode: 'QUANTIZE', observer: 'maxabs', scale_method: 'maxabs_hw', dump_stats_path: './out' };

test('words of an FP8 config count in any case of letters', () => {
  assert.deepEqual(findings('QC022', { ...base, mode: 'quantize', scale_method: 'Unit_Scale', fp8_config: 'e5m2' }, fp8), []);
  assert.match(findings('QC022', { ...base, observer: 'maxab' }, fp8)[0]?.message ?? '', /Invalid 'observer' value in custom config \('maxab'\)/);
  assert.deepEqual(fixed('QC022', { ...base, scale_format: 'SCALER' }, fp8), { ...base, scale_format: 'SCALAR' });
});

test('dynamic quantization has modes, methods and company of its own', () => {
  const dynamic = { ...base, scale_method: 'MAXABS_PCS_POW2', dynamic_quantization: 'True' };
  assert.deepEqual(findings('QC022', dynamic, fp8), []);
  assert.deepEqual(findings('QC022', { ...dynamic, use_qdq: 'False' }, fp8), []);
  assert.match(findings('QC022', { ...dynamic, use_qdq: true }, fp8)[0]?.message ?? '', /not supported for qdq/);
  assert.match(findings('QC022', { ...dynamic, mode: 'MEASURE' }, fp8)[0]?.message ?? '', /only supported in QUANTIZE or LOAD/);
  assert.deepEqual(fixed('QC022', { ...base, scale_method: 'MAXABS_PCS_POW2' }, fp8), { ...base, scale_method: 'MAXABS_PCS_POW2', dynamic_quantization: true });
});

test('mode AUTO is a warning, SCALAR with scales per channel a hint, an unknown object an error', () => {
  const severity = (config: unknown) => findings('QC022', config, fp8).map((finding) => finding.severity);
  assert.deepEqual(severity({ ...base, mode: 'AUTO' }), ['warning']);
  assert.deepEqual(severity({ ...base, scale_method: 'ACT_MAXABS_HW_WEIGHTS_PCS_OPT_POW2', scale_format: 'SCALAR' }), ['hint']);
  assert.deepEqual(severity({ ...base, scale_format: 'SCALAR' }), []);
  assert.deepEqual(severity({ ...base, extras: { a: 1 } }), ['error']);
  assert.deepEqual(severity({ ...base, extra: 1 }), []);
});
