// Conversions between config formats, for the code actions of an editor. Only what can be read back is offered: the result is parsed, recognised and
// lowered again, and whatever the two recipes do not share is told as a loss.
import type { ConfigFormat } from '../configs/config-format.ts';
import { isObject } from '../configs/fields.ts';
import { baseName } from '../configs/file-name.ts';
import { findFormat, formats } from '../configs/registry.ts';
import { nodeAt } from '../document/find.ts';
import { parseDocument } from '../document/parse.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Conversion, ConversionInput, Converter, Source } from './conversion.ts';
import { converters } from './converters.ts';
import { differences, sameCodes } from './losses.ts';
import { placed } from './place.ts';
import { unreadKeys } from './unread-keys.ts';

/** Never throws. Empty for a file that is no config, or one whose settings could not be read. */
export function conversionsOf(input: ConversionInput): readonly Conversion[] {
  const source = sourceOf(input);
  return source === null ? [] : converters.flatMap((converter) => conversion(converter, source, input) ?? []);
}

function sourceOf({ fileName, tree, format: id, recipe }: ConversionInput): Source | null {
  const format = id === null ? null : findFormat(id);
  const place = format?.match(fileName, tree) ?? null;
  const value = place === null ? null : nodeAt(tree, place.path)?.value;
  if (format === null || place === null || recipe === null || !isObject(value)) {
    return null;
  }
  return { format, value, path: place.path, recipe, origins: format.lower(value, place.path).origins };
}

function conversion(converter: Converter, source: Source, input: ConversionInput): Conversion | null {
  const draft = converter.convert(source);
  const result = draft === null ? null : placed(draft, source, input);
  if (draft === null || result === null || result.fileName === baseName(input.fileName)) {
    return null;
  }
  const after = recipeOf(result.fileName ?? input.fileName, result.text);
  if (after === null || !sameCodes(source.recipe, after)) {
    return null;
  }
  const losses = [...differences(source, after, input.model, draft.names ?? null), ...unreadKeys(source, draft.carried)];
  return { id: converter.id, title: converter.title, ...result, losses };
}

/** Through the registry, as the new file will be read. */
function recipeOf(fileName: string, text: string): Recipe | null {
  const { root } = parseDocument(fileName, text);
  const read = (format: ConfigFormat): { readonly recipe: Recipe | null } | null => {
    const place = format.match(fileName, root);
    return place === null ? null : format.lower(nodeAt(root, place.path)?.value, place.path);
  };
  for (const format of formats) {
    const lowered = read(format);
    if (lowered !== null) {
      return lowered.recipe;
    }
  }
  return null;
}
