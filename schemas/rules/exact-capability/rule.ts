// QC016: kernels that exist for one capability only: INT8 before Blackwell, Machete and CUTLASS W4A8 on exactly 9.0.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const exactCapability: Rule = { code: 'QC016', run: (context) => findingsOf('QC016', context) };
