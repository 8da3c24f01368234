// Test material: what may lie beside a config: tensors of a small model, plain or packed as GPTQ or AWQ pack them, and a second config.
import fc from 'fast-check';
import type { ModelFiles, TensorHeader } from '../checkpoint/model-files.ts';
import { tensorTable } from '../checkpoint/tensor-table.ts';

const LINEARS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj', 'mlp.gate'];
const K = 256;
const N = 512;

export const besideFiles: fc.Arbitrary<ModelFiles> = fc
  .record({
    packing: fc.constantFrom('plain', 'gptq', 'awq'),
    bits: fc.constantFrom(3, 4, 8),
    group: fc.constantFrom(64, 128, 256),
    vision: fc.boolean(),
    other: fc.option(fc.record({ bits: fc.constantFrom(4, 8), group_size: fc.constantFrom(64, 128), desc_act: fc.boolean(), sym: fc.boolean() })),
  })
  .map(({ packing, bits, group, vision, other }) => {
    const modules = [0, 1].flatMap((layer) => LINEARS.map((name) => `model.layers.${layer}.${name}`));
    const tensors = new Map(modules.flatMap((module) => packed(module, packing, bits, group)));
    for (const module of vision ? ['model.visual.blocks.0.attn.qkv', 'model.visual.merger'] : []) tensors.set(`${module}.weight`, header('BF16', N, K));
    const texts = new Map(other === null ? [] : [['quantize_config.json', JSON.stringify(other)] as const]);
    return { texts, tensors: tensorTable([{ name: 'model.safetensors', tensors }], null, []) };
  });

function packed(module: string, packing: string, bits: number, group: number): readonly (readonly [string, TensorHeader])[] {
  if (packing === 'plain' || module.endsWith('.gate')) {
    return [[`${module}.weight`, header('BF16', N, K)]];
  }
  const codes = packing === 'gptq' ? header('I32', (K * bits) / 32, N) : header('I32', K, (N * bits) / 32);
  return [
    [`${module}.qweight`, codes],
    [`${module}.scales`, header('F16', K / group, N)],
    [`${module}.qzeros`, header('I32', K / group, (N * bits) / 32)],
  ];
}

function header(dtype: string, ...shape: readonly number[]): TensorHeader {
  return { dtype, shape };
}
