// Recipe: the one normal form that every quantization config lowers to. Rules, the support judge and the engine see only this.
// Pure data; null means "the config does not say and no default applies".

export type QuantMethod =
  | 'instant_quant'
  | 'rtn'
  | 'gptq'
  | 'awq'
  | 'teq'
  | 'spqr'
  | 'bcq'
  | 'qrazor'
  | 'smoothquant'
  | 'llm_int8'
  | 'zeroquant'
  | 'w8a8_static';

/** weight_only: activations stay 16/32-bit. activate_quant: integer activations and integer dot products (A8W8). */
export type ComputeMethod = 'weight_only' | 'activate_quant';
export type SaveFormat = 'quantwright' | 'gptq' | 'gptq_v2' | 'compressed-tensors';

export interface WeightRecipe {
  readonly dtype: 'int' | 'fp8_e4m3';
  readonly bits: number;
  readonly signed: boolean;
  readonly symmetric: boolean;
  /** Consecutive input features that share one scale; -1 = per channel (one group a row). */
  readonly groupSize: number;
  readonly zeroPoint: 'none' | 'integer' | 'float';
  /** GPTQ activation order (desc_act). */
  readonly descAct: boolean;
  readonly staticGroups: boolean;
}

export interface ActivationRecipe {
  readonly bits: number;
  readonly symmetric: boolean;
  readonly granularity: 'per_token' | 'per_tensor';
  readonly dynamic: boolean;
}

export interface Calibration {
  /** Path (relative to the config file) or a known dataset name, as written. */
  readonly dataset: string | null;
  readonly samples: number;
  readonly sequenceLength: number;
}

/** First match wins; matched against full module names such as model.layers.0.mlp.down_proj. */
export interface ModuleOverride {
  readonly pattern: string;
  readonly weights: Partial<WeightRecipe>;
}

export interface Recipe {
  /** Id of the config format this was lowered from (schemas/configs/<format>). */
  readonly format: string;
  /** Pipeline, in order; usually one. */
  readonly methods: readonly QuantMethod[];
  readonly weights: WeightRecipe;
  readonly activations: ActivationRecipe | null;
  readonly computeMethod: ComputeMethod;
  /** Regular expressions (start-anchored, on full module names) of modules left in floating point. */
  readonly ignore: readonly string[];
  readonly overrides: readonly ModuleOverride[];
  /** RTN dialect (algorithms section 3); null for methods that have none. */
  readonly dialect: 'instant_quant' | 'ist' | 'qllm' | 'inc' | 'awq' | 'compressed_tensors' | 'dashinfer_cpu' | null;
  readonly mseSearch: boolean;
  readonly fullRange: boolean;
  readonly dampPercent: number;
  readonly trueSequential: boolean;
  readonly calibration: Calibration | null;
  readonly saveFormat: SaveFormat;
  /** How scales (and float zeros) are stored. */
  readonly scaleType: 'f16' | 'bf16' | 'f32';
  readonly memoryLimitBytes: number | null;
}

/** Fields of a Recipe that findings point at; dotted for nested ones. */
export type RecipeField =
  | 'methods'
  | 'weights'
  | 'weights.bits'
  | 'weights.signed'
  | 'weights.symmetric'
  | 'weights.groupSize'
  | 'weights.descAct'
  | 'weights.dtype'
  | 'activations'
  | 'computeMethod'
  | 'ignore'
  | 'overrides'
  | 'calibration'
  | 'saveFormat'
  | 'scaleType'
  | 'memoryLimitBytes'
  | 'dampPercent';
