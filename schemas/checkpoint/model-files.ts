// What lies beside a config: other config files and the names and shapes of the tensors. Read by the language server and the command line
// (header bytes only, never weights); rules see these values and never a file.

export interface ModelFiles {
  /** Text of the JSON files beside the config by base name (config.json, generation_config.json, quantize_config.json ...); never the config's own. */
  readonly texts: ReadonlyMap<string, string>;
  /** Null: there are no safetensors at hand. */
  readonly tensors: TensorTable | null;
}

export interface TensorHeader {
  /** As safetensors writes it: BF16, I32 ... */
  readonly dtype: string;
  readonly shape: readonly number[];
}

export interface TensorTable {
  /** Name -> header; null where only model.safetensors.index.json names it and the shard is not there. */
  readonly tensors: ReadonlyMap<string, TensorHeader | null>;
  /** Modules that hold a weight, packed or plain: model.layers.0.self_attn.q_proj ... In the order of the files. */
  readonly modules: readonly string[];
  /** What could not be read, in words; empty when all was. */
  readonly problems: readonly string[];
}
