// Layers that runtimes load as one (q, k and v; gate and up) and that the config treats differently.
import type { Finding, Fix } from '../../check/finding.ts';
import { modulesOf } from '../../checkpoint/linears.ts';
import { rangeAt } from '../../document/find.ts';
import type { RuntimeId } from '../../hardware/target.ts';
import type { SupportVerdict } from '../../hardware/verdict.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { RuleContext } from '../rule.ts';
import { shardFixes } from './shard-fix.ts';
import { type Split, splitsOf } from './splits.ts';

type Refusal = Extract<SupportVerdict, { readonly kind: 'refused' }>;

const FUSING: readonly RuntimeId[] = ['vllm', 'sglang'];
/** Schemes whose layers those runtimes fuse. */
const SCHEMES = ['gptq', 'awq', 'compressed-tensors', 'fp8', 'fbgemm_fp8', 'modelopt', 'auto-round', 'quark'];

/** Rules of those runtimes that refuse shards which differ, with the differences they look at. */
const REFUSING: Readonly<Record<string, readonly Split['apart'][]>> = { 'VL-CT-FUSED': ['ignored', 'bits'], 'SG-MIX': ['bits'] };
const VLLM = 'vLLM loads them as one layer and refuses: "Found a different quantization schemes for [...]. vLLM requires all to use the same scheme."';
const SOURCE = 'vllm-project/vllm vllm/model_executor/layers/quantization/compressed_tensors/utils.py';

export function fusedShards(context: RuleContext): readonly Finding[] {
  const { recipe, targets } = context;
  if (recipe === null || !concerns(recipe, context) || (targets.length > 0 && !targets.some(({ runtime }) => FUSING.includes(runtime)))) {
    return [];
  }
  const modules = context.files?.tensors?.modules ?? context.model?.linears.flatMap(modulesOf) ?? [];
  const splits = splitsOf(recipe, modules);
  const kinds = new Map<string, Split[]>();
  for (const split of splits) {
    const key = [split.ignored, split.differing, split.others, [split.apart]].map((names) => names.join(' ')).join('|');
    kinds.set(key, [...(kinds.get(key) ?? []), split]);
  }
  return [...kinds.values()].slice(0, 3).map((alike) => findingOf(alike, modules, context));
}

function concerns({ scheme, saveFormat, ignore, overrides }: Recipe, { format }: RuleContext): boolean {
  const written = format.describes === 'checkpoint' ? SCHEMES.includes(scheme) : saveFormat !== null && saveFormat !== 'quantwright';
  return written && ignore.length + overrides.length > 0;
}

function findingOf(alike: readonly Split[], modules: readonly string[], context: RuleContext): Finding {
  const [first] = alike;
  const { parent = '', ignored = [], differing = [], others = [] } = first ?? {};
  const places = alike.length === 1 ? parent : `${parent} and ${alike.length - 1} more`;
  const rest = [...differing, ...others];
  const said =
    ignored.length > 0
      ? `${words(ignored)} ${ignored.length === 1 ? 'is' : 'are'} left in floating point and ${words(rest)} ${rest.length === 1 ? 'is' : 'are'} quantized`
      : `${words(differing)} ${differing.length === 1 ? 'has' : 'have'} other settings than ${words(others)}`;
  const field = ignored.length > 0 ? 'ignore' : 'overrides';
  const path = context.origins[field]?.path ?? context.path;
  const fixes: readonly Fix[] = first === undefined ? [] : shardFixes(first, alike, modules, context);
  const refusal = first === undefined ? null : refusalOf(first, context);
  const happens = refusal?.target.runtime === 'sglang' ? 'SGLang loads them into one matrix, which has one width.' : VLLM;
  return {
    code: 'QC003',
    severity: refusal === null ? 'warning' : 'error',
    message: `${said} in ${places}; ${happens}`,
    path,
    range: rangeAt(context.document.root, path, 'key'),
    supportRule: refusal?.rule ?? null,
    source: refusal?.source ?? SOURCE,
    fixes,
  };
}

/** The verdict of a target that refuses this difference. */
function refusalOf({ apart }: Split, { verdicts }: RuleContext): Refusal | null {
  return verdicts.filter((verdict) => verdict.kind === 'refused').find(({ rule }) => REFUSING[rule]?.includes(apart) === true) ?? null;
}

function words(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
