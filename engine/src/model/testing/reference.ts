// A decoder written plainly in float64 from the formulas of transformers' modeling files, for comparison with the program executor. It shares nothing
// with the builder: what an architecture does is spelled by the test's own description of it.

export interface ReferenceModel {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly eps: number;
  /** Norms multiply by 1 + w. */
  readonly onePlus?: boolean;
  readonly qkNorm?: boolean;
  /** Gemma 2's four norms a block. */
  readonly sandwich?: boolean;
  readonly activation: (x: number) => number;
  readonly embedScale?: number;
  readonly scale: number;
  readonly attentionCap?: number;
  readonly finalCap?: number;
  readonly window?: (layer: number) => number | null;
  readonly theta: (layer: number) => number;
  /** Divides positions (linear rope scaling). */
  readonly stretch?: (layer: number) => number;
  /** Divisor of each pair's frequency, and what cosines and sines are multiplied by (yarn, longrope). */
  readonly divisors?: readonly number[];
  readonly rotationScale?: number;
  readonly rotated?: number;
  /** q, k and v, and gate and up, stored as one matrix. */
  readonly fused?: boolean;
}

export type Tensors = ReadonlyMap<string, Float32Array>;

export const silu = (x: number): number => x / (1 + Math.exp(-x));
export const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** Logits of every token, tied head. */
export function referenceLogits(model: ReferenceModel, tensors: Tensors, ids: Int32Array): Float64Array {
  const { hidden, heads, kvHeads, headDim } = model;
  const of = (name: string): Float32Array => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`no tensor ${name}`);
    return found;
  };
  const table = of('model.embed_tokens.weight');
  const norm = (rows: Float64Array, width: number, name: string): Float64Array => {
    const weight = of(name);
    return rows.map((value, index) => {
      const start = index - (index % width);
      let squares = 0;
      for (let i = start; i < start + width; i += 1) squares += (rows[i] ?? 0) ** 2;
      return (value / Math.sqrt(squares / width + model.eps)) * ((model.onePlus === true ? 1 : 0) + (weight[index % width] ?? 0));
    });
  };
  let state: Float64Array = new Float64Array(ids.length * hidden);
  ids.forEach((id, token) => {
    for (let i = 0; i < hidden; i += 1) state[token * hidden + i] = (table[id * hidden + i] ?? 0) * (model.embedScale ?? 1);
  });
  for (let layer = 0; layer < model.layers; layer += 1) {
    const prefix = `model.layers.${layer}`;
    const plus = (added: Float64Array): Float64Array => state.map((value, index) => value + (added[index] ?? 0));
    const input = norm(state, hidden, `${prefix}.input_layernorm.weight`);
    const project = (rows: Float64Array, width: number, name: string): Float64Array =>
      product(rows, width, of(`${prefix}.${name}.weight`), tensors.get(`${prefix}.${name}.bias`));
    const width = heads * headDim;
    const kvWidth = kvHeads * headDim;
    const columns = (rows: Float64Array, all: number, from: number, count: number): Float64Array =>
      Float64Array.from({ length: ids.length * count }, (_, index) => rows[Math.floor(index / count) * all + from + (index % count)] ?? 0);
    const qkv = model.fused === true ? project(input, hidden, 'self_attn.qkv_proj') : null;
    const all = width + 2 * kvWidth;
    let q = qkv === null ? project(input, hidden, 'self_attn.q_proj') : columns(qkv, all, 0, width);
    let k = qkv === null ? project(input, hidden, 'self_attn.k_proj') : columns(qkv, all, width, kvWidth);
    const v = qkv === null ? project(input, hidden, 'self_attn.v_proj') : columns(qkv, all, width + kvWidth, kvWidth);
    if (model.qkNorm === true) {
      q = norm(q, headDim, `${prefix}.self_attn.q_norm.weight`);
      k = norm(k, headDim, `${prefix}.self_attn.k_norm.weight`);
    }
    const stretch = model.stretch?.(layer) ?? 1;
    rotate(q, heads, model, model.theta(layer), stretch);
    rotate(k, kvHeads, model, model.theta(layer), stretch);
    const attended = attention(model, q, k, v, ids.length, model.window?.(layer) ?? null);
    let added = project(attended, heads * headDim, 'self_attn.o_proj');
    if (model.sandwich === true) added = norm(added, hidden, `${prefix}.post_attention_layernorm.weight`);
    state = plus(added);
    const second = norm(state, hidden, `${prefix}.${model.sandwich === true ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}.weight`);
    const both = model.fused === true ? project(second, hidden, 'mlp.gate_up_proj') : null;
    const wide = (both?.length ?? 0) / ids.length;
    const up = both === null ? project(second, hidden, 'mlp.up_proj') : columns(both, wide, wide / 2, wide / 2);
    const gates = both === null ? project(second, hidden, 'mlp.gate_proj') : columns(both, wide, 0, wide / 2);
    const inner = gates.map((gate, index) => model.activation(gate) * (up[index] ?? 0));
    added = project(inner, inner.length / ids.length, 'mlp.down_proj');
    if (model.sandwich === true) added = norm(added, hidden, `${prefix}.post_feedforward_layernorm.weight`);
    state = plus(added);
  }
  const logits = product(norm(state, hidden, 'model.norm.weight'), hidden, table);
  const cap = model.finalCap;
  return cap === undefined ? logits : logits.map((value) => cap * Math.tanh(value / cap));
}

/** GPT-NeoX of one attention head layout: parallel residual, partial rotation, fused q, k and v head by head, exact gelu; head `embed_out`. */
export function neoxLogits(
  sizes: { readonly hidden: number; readonly layers: number; readonly heads: number; readonly rotated: number },
  parallel: boolean,
  tensors: Tensors,
  ids: Int32Array,
): Float64Array {
  const { hidden, layers, heads, rotated } = sizes;
  const headDim = hidden / heads;
  const of = (name: string): Float32Array => tensors.get(`gpt_neox.${name}`) ?? new Float32Array();
  const norm = (rows: Float64Array, name: string): Float64Array => {
    const [weight, bias] = [of(`${name}.weight`), of(`${name}.bias`)];
    return rows.map((value, index) => {
      const row = rows.subarray(index - (index % hidden), index - (index % hidden) + hidden);
      const mean = row.reduce((sum, one) => sum + one, 0) / hidden;
      const variance = row.reduce((sum, one) => sum + (one - mean) ** 2, 0) / hidden;
      return ((value - mean) / Math.sqrt(variance + 1e-5)) * (weight[index % hidden] ?? 0) + (bias[index % hidden] ?? 0);
    });
  };
  const project = (rows: Float64Array, width: number, name: string): Float64Array => product(rows, width, of(`${name}.weight`), of(`${name}.bias`));
  let state: Float64Array = Float64Array.from(
    { length: ids.length * hidden },
    (_, index) => of('embed_in.weight')[(ids[Math.floor(index / hidden)] ?? 0) * hidden + (index % hidden)] ?? 0,
  );
  const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, index) => value + (b[index] ?? 0));
  for (let layer = 0; layer < layers; layer += 1) {
    const fused = project(norm(state, `layers.${layer}.input_layernorm`), hidden, `layers.${layer}.attention.query_key_value`);
    const [q, k, v] = [0, 1, 2].map((part) =>
      Float64Array.from({ length: ids.length * hidden }, (_, index) => {
        const [token, head, at] = [Math.floor(index / hidden), Math.floor((index % hidden) / headDim), index % headDim];
        return fused[(token * heads + head) * 3 * headDim + part * headDim + at] ?? 0;
      }),
    ) as [Float64Array, Float64Array, Float64Array];
    for (const rows of [q, k]) rotatePart(rows, heads, headDim, rotated);
    const model = { heads, kvHeads: heads, headDim, scale: headDim ** -0.5, hidden, layers, eps: 0, activation: silu, theta: () => 0 };
    const attended = project(attention(model, q, k, v, ids.length, null), hidden, `layers.${layer}.attention.dense`);
    const before = parallel ? state : plus(state, attended);
    const inner = project(norm(before, `layers.${layer}.post_attention_layernorm`), hidden, `layers.${layer}.mlp.dense_h_to_4h`);
    const down = project(inner.map(gelu), inner.length / ids.length, `layers.${layer}.mlp.dense_4h_to_h`);
    state = plus(plus(state, attended), down);
  }
  return product(norm(state, 'final_layer_norm'), hidden, tensors.get('embed_out.weight') ?? new Float32Array());
}

/** x Phi(x), Phi by the series of erf: exact to float64 for the sizes of tests. */
function gelu(x: number): number {
  let term = x / Math.SQRT2;
  let sum = term;
  for (let n = 1; n < 200; n += 1) {
    term *= -(x * x) / 2 / n;
    sum += term / (2 * n + 1);
  }
  return x < -6 ? 0 : x > 6 ? x : 0.5 * x * (1 + (2 / Math.sqrt(Math.PI)) * sum);
}

function rotatePart(rows: Float64Array, heads: number, headDim: number, rotated: number): void {
  for (let at = 0; at < rows.length; at += headDim) {
    const part = rows.slice(at, at + rotated);
    const position = Math.floor(at / (heads * headDim));
    for (let i = 0; i < rotated / 2; i += 1) {
      const angle = position * 10_000 ** ((-2 * i) / rotated);
      rows[at + i] = (part[i] ?? 0) * Math.cos(angle) - (part[i + rotated / 2] ?? 0) * Math.sin(angle);
      rows[at + i + rotated / 2] = (part[i + rotated / 2] ?? 0) * Math.cos(angle) + (part[i] ?? 0) * Math.sin(angle);
    }
  }
}

/** rows [n, width] times the transpose of weight [rows, width]. */
function product(rows: Float64Array, width: number, weight: Float32Array, bias?: Float32Array): Float64Array {
  const outputs = weight.length / width;
  return Float64Array.from({ length: (rows.length / width) * outputs }, (_, index) => {
    const row = Math.floor(index / outputs) * width;
    const output = index % outputs;
    let sum = bias?.[output] ?? 0;
    for (let i = 0; i < width; i += 1) sum += (rows[row + i] ?? 0) * (weight[output * width + i] ?? 0);
    return sum;
  });
}

function rotate(rows: Float64Array, heads: number, model: ReferenceModel, theta: number, stretch: number): void {
  const { headDim, rotationScale = 1 } = model;
  const half = (model.rotated ?? headDim) / 2;
  for (let at = 0; at < rows.length; at += headDim) {
    const position = Math.floor(at / (heads * headDim)) / stretch;
    for (let i = 0; i < half; i += 1) {
      const angle = (position * theta ** (-i / half)) / (model.divisors?.[i] ?? 1);
      const first = rows[at + i] ?? 0;
      const second = rows[at + half + i] ?? 0;
      rows[at + i] = (first * Math.cos(angle) - second * Math.sin(angle)) * rotationScale;
      rows[at + half + i] = (second * Math.cos(angle) + first * Math.sin(angle)) * rotationScale;
    }
  }
}

function attention(model: ReferenceModel, q: Float64Array, k: Float64Array, v: Float64Array, tokens: number, window: number | null): Float64Array {
  const { heads, kvHeads, headDim, scale, attentionCap: cap } = model;
  const out = new Float64Array(tokens * heads * headDim);
  for (let token = 0; token < tokens; token += 1) {
    for (let head = 0; head < heads; head += 1) {
      const kv = Math.floor(head / (heads / kvHeads));
      const first = window === null ? 0 : Math.max(0, token - window + 1);
      const scores: number[] = [];
      for (let key = first; key <= token; key += 1) {
        let score = 0;
        for (let i = 0; i < headDim; i += 1) score += (q[(token * heads + head) * headDim + i] ?? 0) * (k[(key * kvHeads + kv) * headDim + i] ?? 0);
        score *= scale;
        scores.push(cap === undefined ? score : cap * Math.tanh(score / cap));
      }
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < headDim; i += 1) {
        out[(token * heads + head) * headDim + i] = weights.reduce(
          (sum, weight, at) => sum + (weight / total) * (v[((first + at) * kvHeads + kv) * headDim + i] ?? 0),
          0,
        );
      }
    }
  }
  return out;
}
