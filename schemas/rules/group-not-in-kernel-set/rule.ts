// QC006: a group size that the runtime's kernels do not come in.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const groupNotInKernelSet: Rule = { code: 'QC006', run: (context) => findingsOf('QC006', context) };
