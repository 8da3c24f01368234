// What a conversion between config formats is: from one open config to the text of another that says the same, and what it cannot say.
import type { ModelShape } from '../checkpoint/model-shape.ts';
import type { ConfigFormat } from '../configs/config-format.ts';
import type { JsonObject } from '../configs/fields.ts';
import type { ConfigNode } from '../document/node.ts';
import type { JsonPath, Origins } from '../recipe/origin.ts';
import type { Recipe } from '../recipe/recipe.ts';

export interface ConversionInput {
  readonly fileName: string;
  readonly text: string;
  readonly tree: ConfigNode | null;
  /** Id of the config's format, as the check service found it; null: no config, nothing to convert. */
  readonly format: string | null;
  readonly recipe: Recipe | null;
  readonly model: ModelShape | null;
  /** Text of the files beside the config by base name (ModelFiles.texts): a config.json among them takes the new block. Left out: nothing is known. */
  readonly beside?: ReadonlyMap<string, string>;
}

export interface Conversion {
  /** Stable name of the kind of conversion: gptq-block, quant-json ... */
  readonly id: string;
  readonly title: string;
  /** Name of the file beside the document that `text` is for; null: `text` is the new text of the document itself. */
  readonly fileName: string | null;
  /** The file is there already (a config.json that gets the block), and `text` is its whole new text. */
  readonly existing: boolean;
  readonly text: string;
  /** What the other format cannot say, one sentence each. Empty: nothing is lost. */
  readonly losses: readonly string[];
}

/** The config to convert, as every converter sees it. */
export interface Source {
  readonly format: ConfigFormat;
  readonly value: JsonObject;
  readonly path: JsonPath;
  readonly recipe: Recipe;
  readonly origins: Origins;
}

/** Where the result goes: a file of its own, the quantization_config of the model's config.json, or the place of the source. */
export type Destination = { readonly kind: 'file'; readonly name: string } | { readonly kind: 'block' } | { readonly kind: 'in-place' };

export interface Draft {
  readonly destination: Destination;
  readonly value: JsonObject;
  /** Keys of the source that the draft says itself, beyond the fields of the recipe. */
  readonly carried: readonly string[];
  /** To tell when modules named in the same words turn out to be other modules for the other tool. */
  readonly names?: string;
}

export interface Converter {
  readonly id: string;
  readonly title: string;
  /** Null: not for this config. */
  convert(source: Source): Draft | null;
}
