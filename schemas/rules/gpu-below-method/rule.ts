// QC002: the device cannot run the method, by the runtime's table or the kernel's instruction sets.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const gpuBelowMethod: Rule = { code: 'QC002', run: (context) => findingsOf('QC002', context) };
