// Ids, one at a time -> text, never half a character: bytes of an unfinished UTF-8 sequence wait for the next token.

export interface TokenStream {
  /** Text that this token completes; may be empty. */
  push(id: number): string;
  /** What is left when generation ends; unfinished bytes become U+FFFD. */
  end(): string;
}

export function tokenStream(bytesOf: (id: number) => Uint8Array, dropLeadingSpace: boolean): TokenStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let drop = dropLeadingSpace;
  const emit = (text: string): string => {
    if (!drop || text === '') return text;
    drop = false;
    return text.startsWith(' ') ? text.slice(1) : text;
  };
  return { push: (id) => emit(decoder.decode(bytesOf(id), { stream: true })), end: () => emit(decoder.decode()) };
}
