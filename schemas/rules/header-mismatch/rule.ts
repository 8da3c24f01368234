// QC024: a config that contradicts the tensors it describes.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const headerMismatch: Rule = { code: 'QC024', run: (context) => findingsOf('QC024', context) };
