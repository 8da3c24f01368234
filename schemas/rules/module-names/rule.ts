// QC003: patterns that match no module, shards of a fused layer that differ, and parts that the list of exceptions forgot.
import { findingsOf } from '../../check/sources.ts';
import type { Rule } from '../rule.ts';
import { fusedShards } from './fused.ts';
import { unlistedParts } from './unlisted.ts';
import { unmatched } from './unmatched.ts';

export const moduleNames: Rule = {
  code: 'QC003',
  run(context) {
    const shards = fusedShards(context);
    // A runtime that refuses them is told with the shards, which have the fixes.
    const told = shards.map(({ supportRule }) => supportRule).filter((rule) => rule !== null);
    return [
      ...findingsOf('QC003', context).filter(({ supportRule }) => supportRule === null || !told.includes(supportRule)),
      ...unmatched('QC003', context, ['ignore', 'targets']),
      ...shards,
      ...unlistedParts(context),
    ];
  },
};
