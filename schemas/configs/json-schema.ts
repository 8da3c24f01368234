// JSON Schema as the formats' schema.json files use it: draft 07 keywords plus our annotations (x-...), which ajv ignores and the
// check service, completion and hover read.

export interface JsonSchema {
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly deprecated?: boolean;
  readonly enum?: readonly unknown[];
  /** One line for each value of `enum`: why one would choose it. */
  readonly enumDescriptions?: readonly string[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly else?: JsonSchema;
  readonly not?: JsonSchema;
  /** Code of the finding when this part fails (default QC013). */
  readonly 'x-code'?: string;
  /** Message of the finding, for parts whose meaning the keyword alone does not tell. */
  readonly 'x-words'?: string;
  /** Value that settles a failure of this part: `{ "set": value }` or `{ "remove": true }`. */
  readonly 'x-fix'?: { readonly set?: unknown; readonly remove?: boolean };
  /** Rule id of the support tables that this part states (DI-01 ...). */
  readonly 'x-rule'?: string;
  /** Repository and file the constraint was read from. */
  readonly 'x-source'?: string;
  /** The key is read but has no effect: why. */
  readonly 'x-unused'?: string;
  /** Another name of this key, the one to offer. */
  readonly 'x-alias-of'?: string;
  /** Quantization methods that read the key; left out: all. */
  readonly 'x-methods'?: readonly string[];
  /** Tool -> what it takes when the key is left out, where tools differ. */
  readonly 'x-defaults'?: Readonly<Record<string, unknown>>;
  /** What people write -> the value of `enum` they mean. */
  readonly 'x-synonyms'?: Readonly<Record<string, string>>;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  /** What the value names, for completion: modules of the model, a file beside the config, a dataset. */
  readonly 'x-names'?: 'module-pattern' | 'file' | 'directory' | 'dataset';
}
