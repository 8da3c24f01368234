// QC014: damaged JSON, while the other checks go on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';
import { applyEdits } from '../../document/edit.ts';
import { findings, fixed } from '../../testing/checking.ts';

test('each damage has its repair', () => {
  assert.deepEqual(fixed('QC014', '{"quant_method": "rtn", "weight_format": "int8",}'), { quant_method: 'rtn', weight_format: 'int8' });
  assert.deepEqual(fixed('QC014', '{"quant_method": "rtn" "weight_format": "int8"}'), { quant_method: 'rtn', weight_format: 'int8' });
  assert.deepEqual(fixed('QC014', '{"quant_method": "rtn", "weight_format": "int8", "symmetric": True}'), {
    quant_method: 'rtn',
    weight_format: 'int8',
    symmetric: true,
  });
});

test('several damages can be repaired at once', () => {
  const text = "{'quant_method': 'rtn', 'weight_format': 'int8',}";
  const fix = findings('QC014', text)[0]?.fixes.find(({ title }) => title.startsWith('Repair all'));
  assert.deepEqual(JSON.parse(applyEdits(text, fix?.edits ?? [])), { quant_method: 'rtn', weight_format: 'int8' });
});

test('other rules see through the damage', () => {
  const text = '{"quant_method": "rtn", // fast\n "weight_format": "int8", "group_size": "64",}';
  assert.equal(findings('QC013', text).length, 1);
});

test('an empty file is offered a beginning that is valid', () => {
  const config = fixed('QC014', '');
  assert.deepEqual(
    [...'12345679'].flatMap((digit) => findings(`QC01${digit}`, config)),
    [],
  );
});

test('a value that is no JSON is told once, not as a wrong type too', () => {
  for (const value of ['NaN', 'None', 'True', 'Infinity']) {
    const { findings: all } = checkConfig({
      fileName: 'a.quant.json',
      text: `{ "quant_method": "rtn", "weight_format": "int8", "group_size": ${value} }`,
      modelConfigText: null,
      targets: [],
    });
    assert.deepEqual(
      all.map(({ code }) => code),
      ['QC014'],
      value,
    );
  }
});
