// The published config files of ../shared/corpus: what each is called where it was found, what it is, and whether it is sound.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shared } from './places.ts';

export interface CorpusFile {
  /** Folder and name in the corpus. */
  readonly file: string;
  readonly kind: string;
  /** Base name where it was found. */
  readonly name: string;
  /** What is known of it: `valid ...` or `BROKEN ...`. */
  readonly note: string;
  readonly text: string;
}

/** Null where the corpus is not at hand. */
export const corpusFolder = shared('corpus');

export function corpusFiles(): readonly CorpusFile[] {
  if (corpusFolder === null) {
    return [];
  }
  return readFileSync(join(corpusFolder, 'index.tsv'), 'utf8')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const [file = '', kind = '', , path = '', note = ''] = line.split('\t');
      return { file, kind, name: nameOf(path, kind), note: note.replace(/^"|"$/g, ''), text: readFileSync(join(corpusFolder, file), 'utf8') };
    });
}

/** Paths of the index carry remarks behind a space or #; configs quoted in threads have no name of their own. */
function nameOf(path: string, kind: string): string {
  const name =
    path
      .replace(/[# (].*$/, '')
      .split('/')
      .at(-1) ?? '';
  if (kind.startsWith('hf_config') || kind === 'hqq_fragment') {
    return 'config.json';
  }
  return name === '' || !name.includes('.') ? 'hf_quant_config.json' : name;
}
