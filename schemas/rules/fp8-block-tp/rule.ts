// QC010: blocks of fp8 weights that do not divide a layer's part on one device.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const fp8BlockTp: Rule = { code: 'QC010', run: (context) => findingsOf('QC010', context) };
