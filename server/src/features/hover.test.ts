import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llama7b, marked, type Setting, target } from '../testing/marked.ts';

const targets = [target('dashinfer', 'nvidia-a100')];

/** [config with cursor, what the hover must say] */
const table: readonly (readonly [string, readonly RegExp[], Setting?])[] = [
  [
    '{ "quant_method": "rtn", "comp|ute_method": "weight_only" }',
    [/\*\*compute_method\*\*: string/, /Default: activate_quant for smoothquant/, /`"activate_quant"`: Activations become integers/],
  ],
  ['{ "quant_method": "rtn", "weight_format": "ui|nt4" }', [/`"uint4"`/, /4-bit, unsigned codes/]],
  ['{ "quant_method": "instant_quant", "weight_format": "int8", "group|_size": 128 }', [/share one scale/, /dashinfer on nvidia-a100/], { targets }],
  [
    '{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 9|6 }',
    [/\[QC0\d\d\]\(.*docs\/diagnostics\/QC0\d\d\.md\)/],
    { targets, model: llama7b },
  ],
  ['{ "quant_method": "gptq", "weight_format": "uint4", "calibration": { "sam|ples": 8 } }', [/Number of sequences/, /Default: `128`/, /≥ 1/]],
];
for (const [text, expected, setting] of table) {
  test(`hover on ${text}`, async () => {
    const said = await marked(text, setting).hover();
    for (const pattern of expected) assert.match(said, pattern);
  });
}

test('every target is heard: refused for this key, not known, or in the way of another key', async () => {
  const said = await marked('{ "quant_method": "instant_quant", "weight_for|mat": "int8", "group_size": 96 }', {
    targets: [target('dashinfer', 'nvidia-a100'), target('quantwright', 'x86-avx2'), { ...target('vllm', 'h100'), version: '0.0.1' }],
  }).hover();
  assert.match(said, /\*\*dashinfer on nvidia-a100\*\*: no objection to this/);
  assert.match(said, /✓ \*\*quantwright on x86-avx2\*\*/);
  assert.match(said, /\? \*\*vllm 0.0.1 on h100\*\*: not known/);
});

test('defaults that differ from tool to tool are told apart', async () => {
  const said = await marked('{ "bits": 4, "group_size": 128, "desc_a|ct": false }', { name: 'quantize_config.json' }).hover();
  assert.match(said, /Default: `false` in transformers, `true` in AutoGPTQ/);
});

test('an object is not described by the message about a key it may lack', async () => {
  const said = await marked('{ "quantization|_config": { "quant_method": "gptq", "bits": 4, "group_size": 128 } }', { name: 'config.json' }).hover();
  assert.match(said, /GPTQ settings/);
  assert.doesNotMatch(said, /is missing/);
});

test('hover on white space says nothing', async () => assert.equal(await marked('{ "quant_method": "rtn", "weight_format": "int8" }\n\n|').hover(), ''));

test('a pattern tells which modules it matches', async () => {
  const said = await marked('{ "quant_method": "rtn", "weight_format": "int8", "ignore": [".*down|_proj"] }', { model: llama7b }).hover();
  assert.match(said, /Matches 32 modules of 225/);
  assert.match(said, /`model\.layers\.0\.mlp\.down_proj`/);
  assert.match(said, /and 26 more/);
});

test('sources can be followed', async () => {
  const said = await marked('{ "bits": 4, "group_size": 128, "desc_a|ct": false }', { name: 'quantize_config.json' }).hover();
  assert.match(said, /\]\(https:\/\/github\.com\/[\w-]+\/[\w-]+\/blob\/HEAD\/[\w./]+\.py\)/);
});
