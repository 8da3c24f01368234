// Spells a value of a JSON file for an error message: short, whatever the file holds. JSON.stringify would follow a nesting of any depth until the stack ends.

const longest = 120;

/** `undefined` is spelled `nothing`. */
export function spell(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(clip(value));
  if (Array.isArray(value)) return value.length <= 8 ? `[${value.map(spellElement).join(', ')}]` : `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

export function clip(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 3)}...`;
}

function spellElement(value: unknown): string {
  return Array.isArray(value) ? 'a list' : spell(value);
}
