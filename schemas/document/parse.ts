// Text -> tree, by the language of the file.
import { baseName } from '../configs/file-name.ts';
import { parseJson } from './json.ts';
import type { DocumentLanguage, ParsedDocument } from './node.ts';
import { parseYaml } from './yaml.ts';

/** YAML by its endings; everything else is read as JSON with comments. */
export function languageOf(fileName: string): DocumentLanguage {
  return /\.ya?ml$/i.test(baseName(fileName)) ? 'yaml' : 'json';
}

export function parseDocument(fileName: string, text: string): ParsedDocument {
  return languageOf(fileName) === 'yaml' ? parseYaml(text) : parseJson(text);
}
