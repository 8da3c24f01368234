// QC019: calibration data that is gone, unknown, short, or longer than the model's positions.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const calibration: Rule = { code: 'QC019', run: (context) => findingsOf('QC019', context) };
