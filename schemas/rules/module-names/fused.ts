// Layers that runtimes load as one (q, k and v; gate and up) and that the config treats differently.
import type { Finding, Fix } from '../../check/finding.ts';
import { modulesOf } from '../../checkpoint/linears.ts';
import { rangeAt } from '../../document/find.ts';
import type { RuntimeId } from '../../hardware/target.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { RuleContext } from '../rule.ts';
import { shardFixes } from './shard-fix.ts';
import { type Split, splitsOf } from './splits.ts';

const FUSING: readonly RuntimeId[] = ['vllm', 'sglang'];
/** Schemes whose layers those runtimes fuse. */
const SCHEMES = ['gptq', 'awq', 'compressed-tensors', 'fp8', 'fbgemm_fp8', 'modelopt', 'auto-round', 'quark'];

export function fusedShards(context: RuleContext): readonly Finding[] {
  const { recipe, targets } = context;
  if (recipe === null || !concerns(recipe, context) || (targets.length > 0 && !targets.some(({ runtime }) => FUSING.includes(runtime)))) {
    return [];
  }
  const modules = context.files?.tensors?.modules ?? context.model?.linears.flatMap(modulesOf) ?? [];
  const splits = splitsOf(recipe, modules);
  const kinds = new Map<string, Split[]>();
  for (const split of splits) {
    const key = [split.ignored, split.differing, split.others].map((names) => names.join(' ')).join('|');
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
  return {
    code: 'QC003',
    severity: 'warning',
    message: `${said} in ${places}; vLLM loads them as one layer and refuses: "Found a different quantization schemes for [...]. vLLM requires all to use the same scheme."`,
    path,
    range: rangeAt(context.document.root, path, 'key'),
    supportRule: null,
    source: 'vllm-project/vllm vllm/model_executor/layers/quantization/compressed_tensors/utils.py',
    fixes,
  };
}

function words(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
