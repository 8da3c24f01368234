// Round to nearest against the original quantizers: dialects qllm, ist, inc and compressed_tensors; codes exact.
import { dequantize } from '@quantwright/engine/commands/tensor';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { rtn } from '@quantwright/engine/methods/rtn/method';
import type { RtnDialect } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const dialects: Readonly<Record<string, RtnDialect>> = { qllm: 'qllm', ist_gptq: 'ist', inc: 'inc' };

function schemeOf({ params }: GoldenCase): ModuleScheme {
  const symmetric = params['sym'] === true || params['scheme'] === 'sym';
  return {
    weights: {
      dtype: 'int',
      bits: Number(params['bits']),
      signed: false,
      symmetric,
      groupSize: Number(params['group_size']),
      zeroPoint: 'integer',
      descAct: false,
      staticGroups: false,
    },
    dialect: dialects[String(params['variant'])] ?? 'ist',
    mseSearch: params['mse'] === true,
    fullRange: params['full_range'] === true,
    scaleType: 'f32',
  };
}

runGoldenCases('rtn', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const [rows = 0, cols = 0] = weight.shape;
  const data = new Uint8Array(Float32Array.from(weight.data).buffer);
  const scheme = schemeOf(golden);
  const quantile = Number(golden.params['quantile'] ?? 1);
  // The clip ratio is no setting of a config: only this dialect's own tool has it, so the native quantizer is asked directly.
  const matrix =
    quantile === 1 ? await rtn.quantizeModule(binding, { type: 'f32', rows, cols, data }, scheme) : await clipped(data, rows, cols, scheme, quantile);
  same('codes', matrix.codes);
  same('scale', matrix.scale);
  if (tensors.has('out.zero')) same('zero', matrix.zero);
  if (tensors.has('out.dequant')) same('dequant', dequantize(matrix));
});

async function clipped(data: Uint8Array, rows: number, cols: number, scheme: ModuleScheme, quantile: number): ReturnType<typeof rtn.quantizeModule> {
  const groupSize = scheme.weights.groupSize === -1 ? cols : scheme.weights.groupSize;
  const result = await binding.quantizeRtn(
    { type: 'f32', rows, cols, data },
    { dialect: scheme.dialect, bits: 8, symmetric: scheme.weights.symmetric, groupSize, quantile, scaleType: 'f32' },
  );
  return { kind: 'affine', rows, cols, bits: 8, groupSize, symmetric: scheme.weights.symmetric, scaleType: 'f32', ...result };
}
