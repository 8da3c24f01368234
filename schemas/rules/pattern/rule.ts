// QC025: a pattern that does not compile, or does not say what was meant.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const patternRule: Rule = { code: 'QC025', run: (context) => findingsOf('QC025', context) };
