// Where the guesses of a model's answers come from, and whether any are made. Answers that are written at once do not share what they guess with.
import type { Sampling, Speculation } from '@quantwright/schemas/rpc/engine';
import type { LoadedModel } from '../model/load.ts';
import { createDraftModel, type DraftModel } from './draft-model.ts';
import { promptLookup } from './prompt-lookup.ts';
import { type DraftPolicy, type DraftSource, draftPolicy } from './speculation.ts';

/** A draft model comes loaded. */
export type LoadedSpeculation = Exclude<Speculation, { type: 'draft' }> | { readonly type: 'draft'; readonly model: LoadedModel };

export interface Drafts {
  /** Why no guesses are made here; null where they are. */
  readonly offBecause: string | null;
  /** For one answer; `owner` is what keeps the conversation: whether guessing pays is learnt for it. undefined: no guesses. */
  of(
    speculation: LoadedSpeculation | undefined,
    sampling: Sampling,
    owner: object,
  ): Promise<{ readonly source: DraftSource; readonly policy: DraftPolicy } | undefined>;
}

export function createDrafts(model: LoadedModel, capacity: number): Drafts {
  const offBecause = whyOff(model);
  const models = new WeakMap<LoadedModel, Promise<DraftModel>>();
  const policies = { lookup: new WeakMap<object, DraftPolicy>(), draft: new WeakMap<object, DraftPolicy>() };
  return {
    offBecause,
    of: async (speculation = { type: 'lookup' }, sampling, owner) => {
      if (speculation.type === 'off' || offBecause !== null) return undefined;
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

/** Guesses are verified only where several tokens at once get the very logits of one at a time (kernels/linear/README.md). */
function whyOff({ layout, binding }: LoadedModel): string | null {
  const { level } = binding.cpuInfo();
  if (layout === null || level === 'serial' || level === 'avx512vnni') return null;
  return `kernels of level ${level} round several tokens of a quantized model at once in another way than one, which could change an answer`;
}
