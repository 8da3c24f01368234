// QC005: bits or symmetry that the format or the runtime does not have.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const bitsSym: Rule = { code: 'QC005', run: (context) => findingsOf('QC005', context) };
