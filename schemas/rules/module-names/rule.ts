// QC003: a pattern that matches no module, shards of a fused layer that differ, or a part that is quantized by accident.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const moduleNames: Rule = { code: 'QC003', run: (context) => findingsOf('QC003', context) };
