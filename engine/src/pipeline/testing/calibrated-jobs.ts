// A place for jobs with calibration: small models of random weights, a config and a text beside them. For tests.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { QuantizeParams, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { loadBinding } from '../../jobs/binding.ts';
import { type QuantizeHooks, quantizeModel } from '../quantize.ts';
import { writeRandomCheckpoint } from './random-checkpoint.ts';

const binding = await loadBinding();
export const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');
export const quill = join(project, 'models', 'quill-16m');
export const texts = join(project, 'models', 'texts');

export interface Made {
  readonly outDir: string;
  readonly result: QuantizeResult;
}

export interface Workspace {
  readonly root: string;
  model(layers?: number): Promise<string>;
  /** The job of `gptq` unless the config names another method; `text` is what text.txt holds. */
  quantize(modelDir: string, config: object, hooks?: Partial<QuantizeHooks>, text?: string, params?: Partial<QuantizeParams>): Promise<Made>;
}

export async function workspace(t: TestContext): Promise<Workspace> {
  const root = await mkdtemp(join(tmpdir(), 'quantwright-calibrated-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  let jobsRun = 0;
  return {
    root,
    model: (layers = 2) => madeModel(root, layers),
    quantize: async (modelDir, config, hooks = {}, text, params = {}) => {
      const [configPath, outDir] = [join(root, 'a.quant.json'), join(root, `out${++jobsRun}`)];
      await writeFile(configPath, JSON.stringify({ quant_method: 'gptq', ...config }));
      await writeFile(
        join(root, 'text.txt'),
        text ?? 'What is a group? A group is a run of weights with one scale. How large is it? Often 32 or 128. '.repeat(40),
      );
      const result = await quantizeModel({ modelDir, configPath, outDir, ...params }, { loadBinding: async () => binding, ...hooks });
      return { outDir, result };
    },
  };
}

/** Blocks of random weights, with the tokenizer of the embedded model. */
async function madeModel(root: string, layers: number): Promise<string> {
  const directory = await mkdtemp(join(root, 'model-'));
  const [hidden, inner, vocabulary] = [64, 96, 8192];
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: vocabulary,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    torch_dtype: 'float32',
    tie_word_embeddings: false,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) await copyFile(join(quill, name), join(directory, name));
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
    ['lm_head.weight', [vocabulary, hidden]],
  ]);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) shapes.set(`${prefix}.${norm}.weight`, [hidden]);
    for (const [name, rows] of [
      ['q_proj', hidden],
      ['k_proj', 32],
      ['v_proj', 32],
      ['o_proj', hidden],
    ] as const)
      shapes.set(`${prefix}.self_attn.${name}.weight`, [rows, hidden]);
    for (const [name, rows, cols] of [
      ['gate_proj', inner, hidden],
      ['up_proj', inner, hidden],
      ['down_proj', hidden, inner],
    ] as const)
      shapes.set(`${prefix}.mlp.${name}.weight`, [rows, cols]);
  }
  await writeRandomCheckpoint(directory, shapes);
  return directory;
}
