// The generated validators' interface, as ajv writes it.

export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface SchemaValidate {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}
