import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marked, type Setting, target } from '../testing/marked.ts';

const targets = [target('dashinfer', 'nvidia-a100')];

/** [config, words of the action's title, document after it] */
const table: readonly (readonly [string, string, string, Setting?])[] = [
  ['{ "quant_method": "rtn", "weight_format": "int8", }', '', '{ "quant_method": "rtn", "weight_format": "int8" }'],
  [
    '{ "quant_method": "rtn", "weight_format": "uint4", "q_group_size": 128 }',
    'group_size',
    '{ "quant_method": "rtn", "weight_format": "uint4", "group_size": 128 }',
  ],
  ['{ "quant_method": "gptqq", "weight_format": "uint4" }', 'gptq', '{ "quant_method": "gptq", "weight_format": "uint4" }'],
];
for (const [text, title, expected, setting] of table) {
  test(`${title} in ${text}`, async () => assert.equal((await marked(text, setting).fixed(title)).replace(/ +/g, ' '), expected));
}

test('every fix of a finding removes that finding', async () => {
  const texts = [
    '{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 32 }',
    '{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 128, "compute_method": "activate_quant" }',
    '{ "quant_method": "instant_quant", "group_size": 128 }',
    '{ "quant_method": "rtn", "weight_format": "int8", "group_size": "128" }',
    '{ "quant_method": "rtn", "wieght_format": "int8" }',
  ];
  let tried = 0;
  for (const text of texts) {
    const at = marked(text, { targets });
    for (const action of (await at.actions('quickfix')).filter((one) => one.diagnostics !== undefined)) {
      const [diagnostic] = action.diagnostics ?? [];
      assert.ok(diagnostic !== undefined, `${action.title} names its diagnostic`);
      const after = await marked(await at.fixed(action.title), { targets }).diagnostics();
      assert.ok(!after.some((one) => one.code === diagnostic.code && one.message === diagnostic.message), `${action.title} in ${text}`);
      tried += 1;
    }
  }
  assert.ok(tried >= texts.length, `${tried} fixes were tried`);
});

test('fix all settles every finding that has a safe fix, and is offered on request only', async () => {
  const at = marked('{ "quant_method": "rtn", "wieght_format": "int8", "q_group_size": 128, }');
  const [all] = await at.actions('source.fixAll');
  assert.ok(all !== undefined);
  const { TextDocument } = await import('vscode-languageserver-textdocument');
  const after = TextDocument.applyEdits(at.document, all.edit?.changes?.[at.document.uri] ?? []);
  assert.deepEqual(JSON.parse(after), { quant_method: 'rtn', weight_format: 'int8', group_size: 128 });
  assert.ok((await at.actions()).every((action) => action.kind === 'quickfix'));
});
