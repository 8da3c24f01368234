// QC013: a value of the wrong type or out of range, a missing key, or settings that exclude each other.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const schemaCombination: Rule = { code: 'QC013', run: (context) => findingsOf('QC013', context) };
