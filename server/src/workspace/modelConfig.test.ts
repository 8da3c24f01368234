import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileNameOf, modelConfigCandidates } from './modelConfig.ts';

const documentUri = 'file:///work/configs/a%20b/my.quant.json';

test('without a setting the model is looked for beside the config', () => {
  assert.deepEqual(modelConfigCandidates({ documentUri, modelDirectory: null, folders: [] }), [
    'file:///work/configs/a%20b/config.json',
    'file:///work/configs/a%20b/model/config.json',
  ]);
});

test('a relative setting starts at the innermost workspace folder that holds the document', () => {
  const [first] = modelConfigCandidates({ documentUri, modelDirectory: 'models/quill', folders: ['file:///work', 'file:///work/configs', 'file:///other'] });
  assert.equal(first, 'file:///work/configs/models/quill/config.json');
});

test('an absolute setting stands for itself', () => {
  const [first] = modelConfigCandidates({ documentUri, modelDirectory: '/models/my model', folders: ['file:///work'] });
  assert.equal(first, 'file:///models/my%20model/config.json');
});

test('a config.json is its own model', () => {
  assert.deepEqual(modelConfigCandidates({ documentUri: 'file:///m/config.json', modelDirectory: '/models/x', folders: [] }), []);
});

test('an unsaved document has no neighbours, but the setting holds', () => {
  assert.deepEqual(modelConfigCandidates({ documentUri: 'untitled:Untitled-1', modelDirectory: null, folders: [] }), []);
  assert.deepEqual(modelConfigCandidates({ documentUri: 'untitled:Untitled-1', modelDirectory: '/m', folders: [] }), ['file:///m/config.json']);
});

test('file names are decoded', () => {
  assert.equal(fileNameOf('file:///x/my%20model.quant.json'), 'my model.quant.json');
  assert.equal(fileNameOf('file:///x/100%.json'), '100%.json');
});
