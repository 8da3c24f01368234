// QC022: what Neural Compressor refuses or drops.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const neuralCompressor: Rule = { code: 'QC022', run: (context) => findingsOf('QC022', context) };
