// QC018: a quantized lm_head that shares its weight with the embeddings.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const tiedLmHead: Rule = { code: 'QC018', run: (context) => findingsOf('QC018', context) };
