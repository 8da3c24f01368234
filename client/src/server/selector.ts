// Which files the language server is asked about. Only a net: the server decides by the shape of the document whether it is a config.

/** Names under which quantization configs are found, as globs below any folder. */
export const configPatterns = ['**/*.quant.json', '**/*.quant.jsonc', '**/*{quant,Quant,QUANT}*.json', '**/{recipe,Recipe}*.json', '**/config.json'] as const;

export interface FileFilter {
  readonly scheme: 'file';
  readonly language: 'json' | 'jsonc';
  readonly pattern: string;
}

export const documentSelector: FileFilter[] = configPatterns.flatMap((pattern) => [
  { scheme: 'file' as const, language: 'json' as const, pattern },
  { scheme: 'file' as const, language: 'jsonc' as const, pattern },
]);
