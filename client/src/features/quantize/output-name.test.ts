import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folderNameProblem, outputName } from './output-name.ts';

test('the output is named after the model, the method and the weight format', () => {
  assert.equal(outputName('/models/quill-16m', '{ "quant_method": "instant_quant", "weight_format": "int8" }'), 'quill-16m-instant_quant-int8');
});

test('a pipeline is joined, GPTQ bits are named, a config without a method is still named', () => {
  assert.equal(outputName('/m/q', '{ "quant_method": ["smoothquant", "gptq"], "bits": 4 }'), 'q-smoothquant+gptq-4bit');
  assert.equal(outputName('/m/q', '// nothing yet'), 'q-quantized');
});

test('names that would leave the folder are refused', () => {
  assert.notEqual(folderNameProblem('../x'), undefined);
  assert.notEqual(folderNameProblem('..'), undefined);
  assert.notEqual(folderNameProblem('  '), undefined);
  assert.equal(folderNameProblem('quill-16m-int8'), undefined);
});
