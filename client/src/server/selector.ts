// Which documents the language server is asked about: every one in a language that configs are written in, saved or not. The server decides by
// the shape of the document whether it is a config, and is silent about all others.

export interface DocumentFilter {
  readonly scheme: 'file' | 'untitled';
  readonly language: 'json' | 'jsonc' | 'yaml';
}

export const documentSelector: DocumentFilter[] = (['file', 'untitled'] as const).flatMap((scheme) =>
  (['json', 'jsonc', 'yaml'] as const).map((language) => ({ scheme, language })),
);
