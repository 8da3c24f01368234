// Finds a key that an object of a JSON text names twice. JSON.parse keeps the last one silently, which would let a header say two things about a tensor.

export interface RepeatedKey {
  readonly key: string;
  /** Index of the second occurrence in the text. */
  readonly at: number;
}

/** The first repeated key of any object in `json`, which JSON.parse must already have accepted; null when every key is unique. */
export function repeatedKey(json: string): RepeatedKey | null {
  // One set a nesting level; null for arrays.
  const open: (Set<string> | null)[] = [];
  let index = 0;
  while (index < json.length) {
    const char = json[index];
    if (char === '"') {
      const end = stringEnd(json, index);
      const keys = open.at(-1) ?? null;
      if (keys !== null && followedByColon(json, end)) {
        const key = String(JSON.parse(json.slice(index, end)));
        if (keys.has(key)) return { key, at: index };
        keys.add(key);
      }
      index = end;
      continue;
    }
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    index++;
  }
  return null;
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let index = start + 1;
  while (index < json.length && json[index] !== '"') index += json[index] === '\\' ? 2 : 1;
  return index + 1;
}

function followedByColon(json: string, from: number): boolean {
  let index = from;
  while (json[index] === ' ' || json[index] === '\n' || json[index] === '\r' || json[index] === '\t') index++;
  return json[index] === ':';
}
