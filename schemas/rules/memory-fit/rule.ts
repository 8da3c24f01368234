// QC008: the quantized model and its KV cache against the memory of the device.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const memoryFit: Rule = { code: 'QC008', run: (context) => findingsOf('QC008', context) };
