// The text of a measurement as one string, and what a run says of it. wikitext: the lines of the raw file as the rows of the data set (a blank line is an
// empty row, any other keeps its line end), joined by an empty line, which is what perplexities of wikitext-2 in papers are of.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { TextSource } from '@quantwright/schemas/runs/results';
import { readTextFile } from './text-file.ts';

export type TextJoin = TextSource['join'];

export interface SourcedText {
  readonly text: string;
  readonly source: TextSource;
}

/** Throws as readTextFile does. */
export async function readSourcedText(file: string, join: TextJoin): Promise<SourcedText> {
  const content = await readTextFile(file);
  const text = join === 'wikitext' ? joinWikitext(content) : content;
  return { text, source: { path: file, join, bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') } };
}

/** The join rule of wikitext-2-raw: gptq's datautils.py :: get_wikitext2 over the rows of the datasets library. */
export function joinWikitext(content: string): string {
  const lines = content.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.trim() === '' ? '' : `${line}\n`)).join('\n\n');
}

/** Whether a file is of wikitext as published, whose figures in papers are of joined rows. */
export function looksLikeWikitext(file: string): boolean {
  return /^wiki\.(test|valid|train)\.(raw|tokens)$/.test(basename(file));
}
