// The KV cache a checkpoint asks for: which types vLLM keeps, and on which GPUs.
import { refused, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { dotted, type Job, noRow } from './job.ts';

export function kvVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, capability, era } = job;
  const cache = input.recipe.kvCache;
  if (cache === null) {
    return [];
  }
  if (cache.dtype === 'fp8_e5m2') {
    const floats = input.recipe.weights.dtype.startsWith('fp8');
    return floats
      ? [
          refused(input, {
            rule: 'VL-KV-E5M2',
            field: 'kvCache',
            message: `${targetName(input)}: a KV cache of fp8_e5m2 and weights of fp8 are not combined; use fp8_e4m3 for the cache.`,
          }),
        ]
      : [];
  }
  if (cache.dtype !== 'fp8_e4m3') {
    return input.recipe.scheme === 'compressed-tensors'
      ? [unfit(job, `${cache.bits}-bit ${cache.dtype === 'int' ? 'integers' : cache.dtype}`)]
      : [noRow(job, `a KV cache of ${cache.dtype} was not read`, 'kvCache')];
  }
  const verdicts: SupportVerdict[] = [];
  if (input.recipe.scheme === 'compressed-tensors') {
    if (!cache.symmetric) {
      verdicts.push(unfit(job, 'asymmetric scales'));
    } else if (cache.strategy !== null && cache.strategy !== 'per_tensor' && cache.strategy !== 'per_head') {
      verdicts.push(unfit(job, `scales ${cache.strategy.replace('_', ' ')}`));
    } else if (cache.strategy === 'per_head' && era !== 'now') {
      verdicts.push(noRow(job, 'a KV cache with a scale for each head was read as of 2026-08 only', 'kvCache'));
    }
  }
  if (capability !== null && capability < 89) {
    const reason = { rule: 'VL-KV-FP8-CC', field: 'kvCache' } as const;
    const needs = `a KV cache of fp8_e4m3 needs compute capability 8.9 in its Triton kernels; this device has ${dotted(capability)}`;
    verdicts.push(
      era === 'now'
        ? refused(input, { ...reason, message: `${targetName(input)}: ${needs}.` })
        : unknown(input, {
            ...reason,
            message: `${targetName(input)}: ${needs}. Whether this version follows the file or waits for --kv-cache-dtype fp8 was not read.`,
          }),
    );
  }
  return verdicts;
}

function unfit({ input }: Job, what: string): SupportVerdict {
  const cache = input.recipe.kvCache;
  return refused(input, {
    rule: 'VL-CT-KV',
    field: 'kvCache',
    words: { bits: cache?.bits ?? 0, type: cache?.dtype === 'int' ? 'int' : 'float' },
    message: `${targetName(input)}: the KV cache is 8-bit floats, symmetric, with a scale per tensor or per head, not ${what}.`,
  });
}
