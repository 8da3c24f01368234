// QC021: what DeepSpeed's compression_training refuses or ignores.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const deepspeed: Rule = { code: 'QC021', run: (context) => findingsOf('QC021', context) };
