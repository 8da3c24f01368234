// Where the guesses of a model's answers come from. Answers that are written at once do not share what they guess with. Several tokens at once get
// the very logits of one at a time on every CPU (kernels/linear/README.md), so verifying guesses changes no answer.
import type { Sampling, Speculation } from '@quantwright/schemas/rpc/engine';
import type { LoadedModel } from '../model/load.ts';
import { createDraftModel, type DraftModel } from './draft-model.ts';
import { promptLookup } from './prompt-lookup.ts';
import { type DraftPolicy, type DraftSource, draftPolicy } from './speculation.ts';

/** A draft model comes loaded. */
export type LoadedSpeculation = Exclude<Speculation, { type: 'draft' }> | { readonly type: 'draft'; readonly model: LoadedModel };

export interface Drafts {
  /** For one answer; `owner` is what keeps the conversation: whether guessing pays is learnt for it. undefined: no guesses. */
  of(
    speculation: LoadedSpeculation | undefined,
    sampling: Sampling,
    owner: object,
  ): Promise<{ readonly source: DraftSource; readonly policy: DraftPolicy } | undefined>;
}

export function createDrafts(model: LoadedModel, capacity: number): Drafts {
  const models = new WeakMap<LoadedModel, Promise<DraftModel>>();
  const policies = { lookup: new WeakMap<object, DraftPolicy>(), draft: new WeakMap<object, DraftPolicy>() };
  return {
    of: async (speculation = { type: 'lookup' }, sampling, owner) => {
      if (speculation.type === 'off') return undefined;
      const learnt = policies[speculation.type];
      const policy = learnt.get(owner) ?? draftPolicy();
      learnt.set(owner, policy);
      if (speculation.type === 'lookup') return { source: promptLookup(), policy };
      const made = models.get(speculation.model) ?? createDraftModel(speculation.model, model, capacity);
      models.set(speculation.model, made);
      return { source: (await made).source(sampling), policy };
    },
  };
}
