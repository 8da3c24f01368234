// Places of a block where channels can be rescaled without changing what it computes: a producer (a norm, or the rows of a linear) whose output is divided
// by s, and the linears that read nothing else, whose columns are multiplied by it. From the traits of the architecture; reads no weight.
// Source: casper-hansen/AutoAWQ awq/models/*.py :: get_layers_for_scaling; algorithms sections 5.1 and 7.
import type { ClassicBlocks } from './architectures/architecture.ts';
import type { ModelConfig } from './config.ts';
import type { LinearInput } from './observations.ts';

export interface NormProducer {
  readonly kind: 'norm';
  /** model.layers.0.input_layernorm; its tensors are `weight` and, with `bias`, `bias`. */
  readonly module: string;
  /** What is multiplied by is offset + weight (Gemma: 1). */
  readonly offset: 0 | 1;
  readonly bias: boolean;
}

/** The last `width` rows (those of v in a fused q, k and v; of up in a fused gate and up), and as many of its bias, where it has one. */
export interface LinearProducer {
  readonly kind: 'linear';
  readonly module: string;
}

export interface ScalingPair {
  readonly producer: NormProducer | LinearProducer;
  /** What the consumers read. */
  readonly input: LinearInput;
  /** Channels. */
  readonly width: number;
  /** Full module names. */
  readonly consumers: readonly string[];
  /** Where a change of the consumers is measured: behind the whole attention or MLP, or behind the consumer itself. */
  readonly inspect: 'part' | 'consumer';
}

/** Of block `layer`, in the order of its computation. */
export function scalingPairs(config: ModelConfig, layer: number): readonly ScalingPair[] {
  return config.classic === null ? gatedPairs(config, `model.layers.${layer}`) : classicPairs(config, config.classic, layer);
}

function gatedPairs({ shape, fused, postNorms, normOffset }: ModelConfig, prefix: string): readonly ScalingPair[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = shape;
  const norm = (name: string): NormProducer => ({ kind: 'norm', module: `${prefix}.${name}`, offset: normOffset, bias: false });
  const linear = (name: string): LinearProducer => ({ kind: 'linear', module: `${prefix}.${name}` });
  const modules = (...names: readonly string[]): readonly string[] => names.map((name) => `${prefix}.${name}`);
  return [
    {
      producer: norm('input_layernorm'),
      input: 'attention',
      width: hiddenSize,
      consumers: fused ? modules('self_attn.qkv_proj') : modules('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
      inspect: 'part',
    },
    // Heads that share keys and values would need one scale for several channels.
    ...(heads === kvHeads
      ? [
          {
            producer: linear(fused ? 'self_attn.qkv_proj' : 'self_attn.v_proj'),
            input: 'o_proj',
            width: heads * headDim,
            consumers: modules('self_attn.o_proj'),
            inspect: 'consumer',
          } as const,
        ]
      : []),
    {
      producer: norm(postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'),
      input: 'mlp',
      width: hiddenSize,
      consumers: fused ? modules('mlp.gate_up_proj') : modules('mlp.gate_proj', 'mlp.up_proj'),
      inspect: 'part',
    },
    // What down reads is f(gate) * up: linear in up.
    {
      producer: linear(fused ? 'mlp.gate_up_proj' : 'mlp.up_proj'),
      input: 'down_proj',
      width: intermediateSize,
      consumers: modules('mlp.down_proj'),
      inspect: 'consumer',
    },
  ];
}

function classicPairs({ shape }: ModelConfig, blocks: ClassicBlocks, layer: number): readonly ScalingPair[] {
  const prefix = blocks.prefix.replace('{i}', String(layer));
  const { hiddenSize, intermediateSize, heads, headDim } = shape;
  const norm = (name: string): NormProducer => ({ kind: 'norm', module: `${prefix}.${name}`, offset: 0, bias: true });
  const module = (name: string): string => `${prefix}.${name}`;
  const { fused } = blocks;
  return [
    {
      producer: norm(blocks.norms[0]),
      input: 'attention',
      width: hiddenSize,
      consumers: fused === null ? ['q_proj', 'k_proj', 'v_proj'].map((name) => module(`self_attn.${name}`)) : [module(fused.module)],
      inspect: fused === null ? 'part' : 'consumer',
    },
    // Head by head, the rows of v are not the last ones.
    ...(fused?.byHeads === true
      ? []
      : [
          {
            producer: { kind: 'linear', module: module(fused === null ? 'self_attn.v_proj' : fused.module) },
            input: 'o_proj',
            width: heads * headDim,
            consumers: [module(blocks.out)],
            inspect: 'consumer',
          } as const,
        ]),
    { producer: norm(blocks.norms[1]), input: 'mlp', width: hiddenSize, consumers: [module(blocks.up)], inspect: 'consumer' },
    // relu(x / s) = relu(x) / s; no other activation here has that.
    ...(blocks.activation === 'relu'
      ? [
          {
            producer: { kind: 'linear', module: module(blocks.up) },
            input: 'down_proj',
            width: intermediateSize,
            consumers: [module(blocks.down)],
            inspect: 'consumer',
          } as const,
        ]
      : []),
  ];
}
