import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llama7b, marked, type Setting, target } from '../testing/marked.ts';

const targets = [target('dashinfer', 'nvidia-a100')];

/** [config with cursor, what the hover must say] */
const table: readonly (readonly [string, readonly RegExp[], Setting?])[] = [
  [
    '{ "quant_method": "rtn", "comp|ute_method": "weight_only" }',
    [/\*\*compute_method\*\*: string/, /Default: `"weight_only"`/, /`"activate_quant"`: Activations are quantized/],
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

test('hover on white space says nothing', async () => assert.equal(await marked('{ "quant_method": "rtn", "weight_format": "int8" }\n\n|').hover(), ''));
