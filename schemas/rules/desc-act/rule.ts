// QC009: activation order (desc_act) that cannot be combined or loaded.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const descAct: Rule = { code: 'QC009', run: (context) => findingsOf('QC009', context) };
