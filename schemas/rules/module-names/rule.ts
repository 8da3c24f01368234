// QC003: patterns that match no module, shards of a fused layer that differ, and parts that the list of exceptions forgot.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';
import { fusedShards } from './fused.ts';
import { unlistedParts } from './unlisted.ts';
import { unmatched } from './unmatched.ts';

export const moduleNames: Rule = {
  code: 'QC003',
  run: (context) => [
    ...findingsOf('QC003', context),
    ...unmatched('QC003', context, ['ignore', 'targets']),
    ...fusedShards(context),
    ...unlistedParts(context),
  ],
};
