// Tokens of a JSON text that is being typed. Every text has tokens; a string ends at its line's end when its quote is missing.

export interface Token {
  /** The character itself for punctuation. */
  readonly kind: '{' | '}' | '[' | ']' | ':' | ',' | 'literal' | 'comment';
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const pattern = /\s+|\/\/[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:[^"\\\r\n]|\\.)*"?|[{}[\]:,]|[^\s{}[\]:,"/]+|[\s\S]/gu;

export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(pattern)) {
    const found = match[0];
    const kind = kindOf(found);
    if (kind !== null) tokens.push({ kind, start: match.index, end: match.index + found.length, text: found });
  }
  return tokens;
}

/** The word a literal stands for: a string without its quotes. */
export function wordOf(token: Token): string {
  if (!token.text.startsWith('"')) return token.text;
  try {
    return String(JSON.parse(token.text));
  } catch {
    return token.text.slice(1).replace(/"$/, '');
  }
}

function kindOf(found: string): Token['kind'] | null {
  switch (found) {
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
      return found;
    default:
      if (found.trim() === '') return null;
      return found.startsWith('//') || found.startsWith('/*') ? 'comment' : 'literal';
  }
}
