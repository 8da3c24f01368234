// inspect says in which kernel a checkpoint's linears run here, or why they do not, in the words of the check.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { inspectPath } from './inspect.ts';

const model = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  vocab_size: 10,
};

test('the kernel of a layout, and the reason where there is none', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-inspect-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const writer = await createCheckpoint(directory, [{ name: 'model.norm.weight', dtype: 'F32', shape: [64] }]);
  await writer.write('model.norm.weight', new Float32Array(64));
  await writer.finish();
  const runsIn = async (quantization: object | null): Promise<string | null> => {
    await writeFile(join(directory, 'config.json'), JSON.stringify(quantization === null ? model : { ...model, quantization_config: quantization }));
    return (await inspectPath(directory)).runsIn;
  };
  assert.equal(await runsIn(null), null);
  assert.equal(await runsIn({ quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }), 'table4');
  assert.match(
    (await runsIn({ quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128] })) ?? '',
    /activations beside fp8_e4m3 weights stay float.*; f8$/,
  );
  assert.match(
    (await runsIn({ quant_method: 'aqlm', in_group_size: 8, num_codebooks: 1, nbits_per_codebook: 16 })) ?? '',
    /^Quantwright: aqlm.* checkpoints are not read/,
  );
});
