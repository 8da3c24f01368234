// Patterns over module names: the index answers as the regular expressions do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targetOfName } from '../configs/hf/module-patterns.ts';
import { notConverted } from '../configs/hf/not-converted.ts';
import { globPattern } from '../configs/modelopt/module-globs.ts';
import { matchesOf } from './module-patterns.ts';
import { startAnchored } from './module-weights.ts';

const layers = [0, 1, 10, 11].flatMap((layer) =>
  ['self_attn.q_proj', 'self_attn.k_proj', 'mlp.gate', 'mlp.experts.0.gate_proj', 'mlp.experts.12.gate_proj'].map((name) => `model.layers.${layer}.${name}`),
);
const modules = ['model.embed_tokens', 'model.visual.blocks.0.attn.qkv', 'model.visual.merger', ...layers, 'lm_head'];
/** Enough names for the index to go by their shapes. */
const many = Array.from({ length: 200 }, (_, expert) => modules.map((name) => name.replace('experts.12', `experts.${expert + 100}`))).flat();

const name = fc.constantFrom('visual', 'model.visual', 'lm_head', 'mlp.gate', 'gate', 'model.layers.1', 'q_proj', 'model.layers.1.mlp.gate', 'proj', 'x', '');
const pattern = fc.oneof(
  name.map((one) => notConverted([one])[0] ?? ''),
  name.map((one) => globPattern(`*${one}*`)),
  name.map((one) => globPattern(one)),
  name.map((one) => targetOfName(one) ?? '$^'),
  fc.constantFrom('.*q_proj', '.*\\.mlp\\.experts\\.\\d+\\.gate_proj', 'model\\.layers\\.[01]\\..*', '.*layers\\.1\\.', '(', 'model\\.(?!visual).*', ''),
);

test('the index finds what the regular expression finds', () => {
  for (const names of [modules, [...new Set(many)]]) {
    fc.assert(
      fc.property(pattern, (one) => {
        const regex = startAnchored(one);
        assert.deepEqual(
          matchesOf(one, names),
          names.filter((module) => regex?.test(module) ?? false),
        );
      }),
      { numRuns: 200 },
    );
  }
});

test('hundreds of patterns over forty thousand modules take milliseconds', () => {
  const experts = Array.from({ length: 40_000 }, (_, at) => `model.layers.${at >> 10}.mlp.experts.${at & 1023}.down_proj`);
  const names = Array.from({ length: 40 }, (_, layer) => [`model.layers.${layer}.mlp.gate`, `layers.${layer}.x`, `model.layers.${layer}.mlp`]).flat();
  const patterns = [...notConverted(names), ...names.map(globPattern), ...experts.slice(0, 5000).map((one) => targetOfName(one) ?? ''), '.*down_proj'];
  const begun = process.cpuUsage();
  let found = 0;
  for (const one of patterns) found += matchesOf(one, experts).length;
  const milliseconds = process.cpuUsage(begun).user / 1000;
  console.log(`${patterns.length} patterns over ${experts.length} modules: ${milliseconds.toFixed(0)} ms`);
  assert.ok(found > 40_000);
  assert.ok(milliseconds < 2_000, `${milliseconds} ms`);
});
