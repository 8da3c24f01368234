// llama.cpp: GGUF runs, what the converter reads is converted, everything else is refused with the way to go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import { judge, llama, recipeOf, short } from '../../../testing/judging.ts';
import { CONVERTED } from './judge.ts';

const of = (scheme: string) => baseRecipe(`hf-${scheme}`, scheme, ['rtn'], { bits: 4, groupSize: 128 });
const at = (scheme: string): string => short(judge(of(scheme), { runtime: 'llama.cpp', intent: 'run', device: 'x86-avx2' }));

test('what the converter reads is converted', () => {
  assert.equal(CONVERTED.length, 6);
  for (const scheme of CONVERTED) assert.equal(at(scheme), 'falls_back LC-GGUF', scheme);
});

test('other checkpoints are refused in the words of the converter', () => {
  for (const scheme of ['awq', 'bitsandbytes', 'hqq', 'auto-round', 'torchao', 'quanto']) assert.equal(at(scheme), 'refused LC-METHOD', scheme);
  const [verdict] = judge(of('awq'), { runtime: 'llama.cpp', intent: 'run' });
  assert.ok(verdict?.kind === 'refused' && verdict.runtimeWords === "Quant method is not yet supported: 'awq'" && /GGUF/.test(verdict.message));
});

test('recipes are judged by what they save; those of other tools are not judged', () => {
  const ours = recipeOf('quantwright', { quant_method: 'rtn', weight_format: 'int4', group_size: 128, save_format: 'gptq' });
  assert.equal(short(judge(ours, { runtime: 'llama.cpp' })), 'falls_back LC-GGUF');
  assert.equal(short(judge(of('olive'), { runtime: 'llama.cpp', intent: 'quantize' })), 'unknown NO-ROW');
  assert.equal(at('mlc'), 'unknown NO-ROW');
});

test('K-quants fall back where a row is no multiple of 256', () => {
  const kquant = { ...of('gguf'), methods: ['kquant'] as const };
  const verdict = (intermediate: number): string => short(judge(kquant, { runtime: 'llama.cpp', intent: 'run', model: llama({ hidden: 2048, intermediate }) }));
  assert.equal(verdict(5632), 'supported GGUF');
  assert.equal(verdict(5760), 'falls_back LC-K256');
});
