// QC020: keys that the tool has dropped or renamed.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const deprecated: Rule = { code: 'QC020', run: (context) => findingsOf('QC020', context) };
