// A Llama checkpoint as an ONNX graph of primitive operators, as exporters write it: token ids [1, tokens] -> logits [1, tokens, vocabulary], without a cache.
// Weights are stored as [in, out] under the names of their modules.
import type { MappedCheckpoint } from '../../checkpoint/mapped.ts';
import { transpose } from '../../checkpoint/transposed.ts';
import type { ModelConfig } from '../../model/config.ts';
import { inverseFrequency } from '../../model/rope.ts';
import { dataType, type ModelProto, type NodeProto, newGraph, newModel, newNode, newTensor, newValue, type TensorProto } from '../proto.ts';

export async function onnxLlama(mapped: MappedCheckpoint, config: ModelConfig, tokens: number): Promise<ModelProto> {
  const { hiddenSize, heads, kvHeads, headDim, layers, vocabSize, intermediateSize, tiedEmbeddings } = config.shape;
  const node: NodeProto[] = [];
  const initializer: TensorProto[] = [];
  const floats = (name: string, dims: readonly number[], values: Float32Array): string => {
    initializer.push(
      newTensor({ name, dims: dims.map(BigInt), dataType: dataType.float, rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }),
    );
    return name;
  };
  const integers = (name: string, values: readonly number[]): string => {
    initializer.push(newTensor({ name, dims: [BigInt(values.length)], dataType: dataType.int64, int64Data: values.map(BigInt) }));
    return name;
  };
  const op = (name: string, opType: string, input: readonly string[], attributes: Parameters<typeof newNode>[1] = {}): string => {
    const output = `${name}_output_0`;
    node.push(newNode({ name, opType, input: [...input], output: [output] }, attributes));
    return output;
  };
  const linear = async (name: string, module: string, input: string, rows: number, cols: number): Promise<string> => {
    const values = transpose(await mapped.floats(`${module}.weight`), rows, cols);
    return op(`${name}/MatMul`, 'MatMul', [input, floats(`${module}.weight`, [cols, rows], values)]);
  };
  const two = floats('two', [1], Float32Array.of(2));
  const eps = floats('eps', [1], Float32Array.of(config.rmsNormEps));
  const norm = async (name: string, module: string, input: string): Promise<string> => {
    const mean = op(`${name}/ReduceMean`, 'ReduceMean', [op(`${name}/Pow`, 'Pow', [input, two])], { axes: [-1], keepdims: 1 });
    const root = op(`${name}/Sqrt`, 'Sqrt', [op(`${name}/Add`, 'Add', [mean, eps])]);
    const weight = floats(`${module}.weight`, [hiddenSize], await mapped.floats(`${module}.weight`));
    return op(`${name}/Mul`, 'Mul', [op(`${name}/Div`, 'Div', [input, root]), weight]);
  };
  const [cos, sin] = rotations(config, tokens).map((values, index) => floats(index === 0 ? 'cos' : 'sin', [1, 1, tokens, headDim], values)) as [string, string];
  const mask = floats(
    'mask',
    [1, 1, tokens, tokens],
    Float32Array.from({ length: tokens * tokens }, (_, at) => (at % tokens > Math.floor(at / tokens) ? -1e9 : 0)),
  );
  const scale = floats('scale', [1], Float32Array.of(config.attentionScale));
  const half = headDim / 2;
  const [zero, middle, end, last] = [integers('zero', [0]), integers('half', [half]), integers('headDim', [headDim]), integers('last', [3])];
  const shapeOf = {
    q: integers('qShape', [1, tokens, heads, headDim]),
    kv: integers('kvShape', [1, tokens, kvHeads, headDim]),
    out: integers('oShape', [1, tokens, heads * headDim]),
  };
  const repeat = integers(
    'repeat',
    Array.from({ length: heads }, (_, head) => Math.floor((head * kvHeads) / heads)),
  );
  const rope = (name: string, value: string): string => {
    const [low, high] = [op(`${name}/Slice`, 'Slice', [value, zero, middle, last]), op(`${name}/Slice_1`, 'Slice', [value, middle, end, last])];
    const rotated = op(`${name}/Concat`, 'Concat', [op(`${name}/Neg`, 'Neg', [high]), low], { axis: 3 });
    return op(`${name}/Add`, 'Add', [op(`${name}/Mul`, 'Mul', [value, cos]), op(`${name}/Mul_1`, 'Mul', [rotated, sin])]);
  };
  const split = (name: string, value: string, shape: string): string =>
    op(`${name}/Transpose`, 'Transpose', [op(`${name}/Reshape`, 'Reshape', [value, shape])], { perm: [0, 2, 1, 3] });

  const table = floats('model.embed_tokens.weight', [vocabSize, hiddenSize], await mapped.floats('model.embed_tokens.weight'));
  let hidden = op('/model/embed_tokens/Gather', 'Gather', [table, 'input_ids']);
  for (let layer = 0; layer < layers; layer++) {
    const at = `/model/layers.${layer}`;
    const of = `model.layers.${layer}`;
    const normed = await norm(`${at}/input_layernorm`, `${of}.input_layernorm`, hidden);
    const q = rope(
      `${at}/self_attn/q`,
      split(`${at}/self_attn/q_split`, await linear(`${at}/self_attn/q_proj`, `${of}.self_attn.q_proj`, normed, heads * headDim, hiddenSize), shapeOf.q),
    );
    const k = rope(
      `${at}/self_attn/k`,
      split(`${at}/self_attn/k_split`, await linear(`${at}/self_attn/k_proj`, `${of}.self_attn.k_proj`, normed, kvHeads * headDim, hiddenSize), shapeOf.kv),
    );
    const v = split(
      `${at}/self_attn/v_split`,
      await linear(`${at}/self_attn/v_proj`, `${of}.self_attn.v_proj`, normed, kvHeads * headDim, hiddenSize),
      shapeOf.kv,
    );
    const keys = op(`${at}/self_attn/Transpose`, 'Transpose', [op(`${at}/self_attn/Gather`, 'Gather', [k, repeat], { axis: 1 })], { perm: [0, 1, 3, 2] });
    const scores = op(`${at}/self_attn/Mul`, 'Mul', [op(`${at}/self_attn/MatMul`, 'MatMul', [q, keys]), scale]);
    const weights = op(`${at}/self_attn/Softmax`, 'Softmax', [op(`${at}/self_attn/Add`, 'Add', [scores, mask])], { axis: -1 });
    const mixed = op(`${at}/self_attn/MatMul_1`, 'MatMul', [weights, op(`${at}/self_attn/Gather_1`, 'Gather', [v, repeat], { axis: 1 })]);
    const joined = op(`${at}/self_attn/Reshape`, 'Reshape', [op(`${at}/self_attn/Transpose_1`, 'Transpose', [mixed], { perm: [0, 2, 1, 3] }), shapeOf.out]);
    hidden = op(`${at}/Add`, 'Add', [hidden, await linear(`${at}/self_attn/o_proj`, `${of}.self_attn.o_proj`, joined, hiddenSize, heads * headDim)]);
    const inner = await norm(`${at}/post_attention_layernorm`, `${of}.post_attention_layernorm`, hidden);
    const gate = await linear(`${at}/mlp/gate_proj`, `${of}.mlp.gate_proj`, inner, intermediateSize, hiddenSize);
    const up = await linear(`${at}/mlp/up_proj`, `${of}.mlp.up_proj`, inner, intermediateSize, hiddenSize);
    const activated = op(`${at}/mlp/Mul`, 'Mul', [op(`${at}/mlp/act/Mul`, 'Mul', [gate, op(`${at}/mlp/act/Sigmoid`, 'Sigmoid', [gate])]), up]);
    hidden = op(`${at}/Add_1`, 'Add', [hidden, await linear(`${at}/mlp/down_proj`, `${of}.mlp.down_proj`, activated, hiddenSize, intermediateSize)]);
  }
  const final = await norm('/model/norm', 'model.norm', hidden);
  const head = tiedEmbeddings
    ? op('/lm_head/MatMul', 'MatMul', [final, op('/lm_head/Transpose', 'Transpose', [table], { perm: [1, 0] })])
    : await linear('/lm_head', 'lm_head', final, vocabSize, hiddenSize);
  node.push(newNode({ name: '/Identity', opType: 'Identity', input: [head], output: ['logits'] }, {}));
  const input = [newValue('input_ids', dataType.int64, [1, tokens])];
  const output = [newValue('logits', dataType.float, [1, tokens, vocabSize])];
  return newModel(newGraph({ name: 'llama', node, initializer, input, output }), 17);
}

/** cos and sin [tokens, headDim] of the half-split rotation. */
function rotations(config: ModelConfig, tokens: number): readonly [Float32Array, Float32Array] {
  const { headDim } = config.shape;
  const rope = config.ropes[0];
  if (rope === undefined) throw new Error('the model has no rotation');
  const frequency = inverseFrequency(rope, headDim);
  const angle = (at: number): number => Math.floor(at / headDim) * (frequency[(at % headDim) % (headDim / 2)] ?? 0);
  return [
    Float32Array.from({ length: tokens * headDim }, (_, at) => Math.cos(angle(at))),
    Float32Array.from({ length: tokens * headDim }, (_, at) => Math.sin(angle(at))),
  ];
}
