// A draft at its destination: the text of the file that holds it, in the layout of the text that is there.
import { isObject } from '../configs/fields.ts';
import { applyEdits } from '../document/edit.ts';
import { nodeAt } from '../document/find.ts';
import { parseJson } from '../document/json.ts';
import { languageOf } from '../document/parse.ts';
import type { JsonPath } from '../recipe/origin.ts';
import type { Conversion, ConversionInput, Draft, Source } from './conversion.ts';

type Placed = Pick<Conversion, 'fileName' | 'existing' | 'text'>;

const BLOCK = ['quantization_config'];

/** Null where the draft has no place: a block for a YAML file, or a damaged text. */
export function placed({ destination, value }: Draft, source: Source, { fileName, text, beside }: ConversionInput): Placed | null {
  if (destination.kind === 'in-place') {
    const changed = languageOf(fileName) === 'json' ? withValue(text, source.path, value) : null;
    return changed === null ? null : { fileName: null, existing: false, text: changed };
  }
  if (destination.kind === 'file') {
    return { fileName: destination.name, existing: beside?.has(destination.name) ?? false, text: printed(value) };
  }
  const model = beside?.get('config.json');
  const merged = model === undefined ? null : withValue(model, BLOCK, value);
  if (merged !== null) {
    return { fileName: 'config.json', existing: true, text: merged };
  }
  // Without a config.json the block stands alone, under the name that some tools read and that every tool of ours knows.
  return { fileName: 'quantization_config.json', existing: beside?.has('quantization_config.json') ?? false, text: printed(value) };
}

function printed(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** `text` with `value` at `path`, printed as the lines around it are. Null when the text has no object to hold it. */
function withValue(text: string, path: JsonPath, value: unknown): string | null {
  const { root, problems } = parseJson(text);
  if (!isObject(root?.value) || problems.some(({ replacement }) => replacement === null)) {
    return null;
  }
  const ready = nodeAt(root, path) === null ? applyEdits(text, [{ kind: 'set', path, value: null }]) : text;
  const node = nodeAt(parseJson(ready).root, path);
  if (node === null) {
    return null;
  }
  const lineEnd = ready.includes('\r\n') ? '\r\n' : '\n';
  const lines = JSON.stringify(value, null, indentOf(ready)).split('\n');
  const margin = /(?:^|\n)([ \t]*)[^\n]*$/.exec(ready.slice(0, node.range.start))?.[1] ?? '';
  return applyEdits(ready, [{ kind: 'replace', range: node.range, text: lines.join(lineEnd + margin) }]);
}

/** Indentation of the first line that has some. */
function indentOf(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
}
