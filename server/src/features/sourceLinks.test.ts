import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLinks } from './sourceLinks.ts';

test('a file of a repository is linked, with its symbol in the words', () => {
  assert.equal(
    withLinks('huggingface/transformers src/transformers/utils/quantization_config.py :: GPTQConfig; vllm-project/vllm vllm/config.py'),
    '[huggingface/transformers src/transformers/utils/quantization_config.py :: GPTQConfig](https://github.com/huggingface/transformers/blob/HEAD/src/transformers/utils/quantization_config.py); [vllm-project/vllm vllm/config.py](https://github.com/vllm-project/vllm/blob/HEAD/vllm/config.py)',
  );
});

test('papers, our own files and plain words stay as they are', () => {
  for (const words of ['kernels/linear/q8/kernel.json', 'OCP Microscaling Formats 1.0, section 5', 'config and/or model.json', '']) {
    assert.equal(withLinks(words), words);
  }
});
