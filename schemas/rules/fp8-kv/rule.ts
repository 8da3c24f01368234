// QC011: a quantized KV cache that the runtime or the device does not have.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const fp8Kv: Rule = { code: 'QC011', run: (context) => findingsOf('QC011', context) };
