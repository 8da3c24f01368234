// QC015: values that DashInfer's settings accept, or seem to, and that always fail at load.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';

export const dashinferDeadValues: Rule = { code: 'QC015', run: (context) => findingsOf('QC015', context) };
