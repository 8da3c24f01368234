// QC007: a data type of the activations that the kernel, or the format, does not have.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const activationDtype: Rule = { code: 'QC007', run: (context) => findingsOf('QC007', context) };
