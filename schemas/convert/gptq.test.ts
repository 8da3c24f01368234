// GPTQ's file and its block in config.json say the same in two places, with other defaults.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversions, convert, recipeOf } from './testing.ts';

const model = '{\n    "model_type": "llama",\n    "hidden_size": 4\n}\n';

test('the block goes into the config.json beside the file, in its layout', () => {
  const file = { bits: 4, group_size: 128, desc_act: false, meta: { quantizer: 'gptqmodel:1.0' } };
  const { fileName, existing, text, losses } = convert('gptq-block', 'quantize_config.json', file, new Map([['config.json', model]]));
  assert.deepEqual([fileName, existing, losses], ['config.json', true, []]);
  assert.equal(
    text,
    `{
    "model_type": "llama",
    "hidden_size": 4,
    "quantization_config": {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": 128,
        "desc_act": false,
        "sym": true,
        "damp_percent": 0.01,
        "meta": {
            "quantizer": "gptqmodel:1.0"
        }
    }
}
`,
  );
});

test('a block that is there already is replaced, and the rest of config.json stays as it is', () => {
  const before = '{"a": 1, "quantization_config": {"quant_method": "gptq", "bits": 8}, "b": [1,2]}';
  const { text } = convert('gptq-block', 'quantize_config.json', { bits: 4, group_size: 32 }, new Map([['config.json', before]]));
  assert.ok(text.startsWith('{"a": 1, "quantization_config": {'));
  assert.ok(text.endsWith('}, "b": [1,2]}'));
  assert.equal(JSON.parse(text).quantization_config.group_size, 32);
});

test('without a config.json, or with a damaged one, the block stands alone', () => {
  for (const beside of [undefined, new Map([['config.json', '{"a": }']])]) {
    const { fileName, existing, text } = convert('gptq-block', 'quantize_config.json', { bits: 4, group_size: 32 }, beside);
    assert.deepEqual([fileName, existing], ['quantization_config.json', false]);
    assert.equal(JSON.parse(text).quant_method, 'gptq');
  }
});

test('defaults that the other tool does not share are written out', () => {
  // AutoGPTQ takes desc_act true and group_size -1 for keys that are left out; transformers false and 128.
  const file = JSON.parse(convert('gptq-file', 'config.json', { model_type: 'llama', quantization_config: { quant_method: 'gptq', bits: 4 } }).text);
  assert.deepEqual([file.desc_act, file.group_size, file.damp_percent], [false, 128, 0.1]);
  const block = JSON.parse(convert('gptq-block', 'quantize_config.json', { bits: 4, group_size: -1 }).text);
  assert.deepEqual([block.desc_act, block.group_size, block.damp_percent], [true, -1, 0.01]);
});

test('keys that the other file does not know are told, not dropped in silence', () => {
  const { text, losses } = convert('gptq-block', 'quantize_config.json', { bits: 4, group_size: 128, colour: 'red' });
  assert.deepEqual(losses, ['"colour" has no counterpart in the new config.']);
  assert.ok(!text.includes('colour'));
});

test('synonyms get the usual names', () => {
  const { text } = convert('gptq-block', 'quantize_config.json', { w_bit: 4, q_group_size: 64, bits: 4, group_size: 64, desc_act: false });
  assert.ok(!text.includes('w_bit') && !text.includes('q_group_size'));
});

test('a recipe of ours becomes the settings of the checkpoint that it makes', () => {
  const job = {
    quant_method: 'rtn',
    weight_format: 'uint4',
    group_size: 64,
    save_format: 'gptq_v2',
    dialect: 'inc',
    ignore: ['.*down_proj'],
    overrides: { '.*up_proj': { weight_format: 'int8', group_size: 32 } },
  };
  const { text, losses } = convert('gptq-file', 'job.quant.json', job);
  assert.deepEqual(JSON.parse(text), {
    quant_method: 'gptq',
    bits: 4,
    group_size: 64,
    desc_act: false,
    sym: false,
    damp_percent: 0.01,
    checkpoint_format: 'gptq_v2',
    dynamic: { '-:.*down_proj': {}, '.*up_proj': { bits: 8, group_size: 32 } },
  });
  assert.deepEqual(losses, ['The method rtn is not named; the new config says gptq.', 'dialect ("inc") is not said in the new config.']);
  assert.deepEqual(recipeOf('quantize_config.json', text).ignore, ['.*down_proj']);
});

test('lm_head is carried between recipes of ours and GPTQ, and told where the other config leaves it alone', () => {
  const job = { quant_method: 'rtn', weight_format: 'uint4', group_size: 64, lm_head: true, save_format: 'gptq' };
  assert.equal(JSON.parse(convert('gptq-file', 'job.quant.json', job).text).lm_head, true);
  const back = convert('quant-json', 'quantize_config.json', { bits: 4, group_size: 64, lm_head: true });
  assert.equal(JSON.parse(back.text).lm_head, true);
  assert.ok(!back.losses.some((loss) => loss.includes('lm_head')));
  const awq = convert('awq-file', 'job.quant.json', { quant_method: 'awq', weight_format: 'uint4', group_size: 64, lm_head: true });
  assert.ok(awq.losses.includes('lm_head (true) is not said in the new config.'), awq.losses.join());
});

test('what is not GPTQ, or cannot be read, is not offered as GPTQ', () => {
  const ids = (file: string, config: unknown): readonly string[] => conversions(file, config).map(({ id }) => id);
  assert.ok(!ids('a.quant.json', { quant_method: 'instant_quant', weight_format: 'int8' }).some((id) => id.startsWith('gptq')));
  assert.ok(!ids('a.quant.json', { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant' }).some((id) => id.startsWith('gptq')));
  assert.deepEqual(ids('quantize_config.json', { bits: 'four', group_size: 128 }), []);
  assert.deepEqual(ids('package.json', { name: 'x' }), []);
  assert.deepEqual(ids('quantize_config.json', ''), []);
});
