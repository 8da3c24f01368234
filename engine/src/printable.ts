// Words from files that strangers wrote (tensor names, damaged JSON), made safe for a terminal: a control character could move its cursor, change
// its title or hide what was printed before.

/** Control characters (C0, DEL, C1) but line breaks and tabs become \xNN. */
export function printable(text: string): string {
  let out = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const control = (code < 0x20 && character !== '\n' && character !== '\t') || (code >= 0x7f && code < 0xa0);
    out += control ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }
  return out;
}
