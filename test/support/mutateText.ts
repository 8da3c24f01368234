// Seeded damage to config texts, for fuzzing: what typing leaves behind (cuts, doubled and lost pieces, stray tokens) and what
// hostile or broken writers make (wrong types, huge numbers, deep nesting, control and half characters).

export type Random = () => number;

/** mulberry32: small, fast, the same on every platform. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** One to four mutations of the text. */
export function mutate(random: Random, text: string): string {
  let result = text;
  const rounds = 1 + Math.floor(random() * 4);
  for (let round = 0; round < rounds; round += 1) result = pick(random, mutations)(random, result);
  return result.slice(0, 200_000);
}

type Mutation = (random: Random, text: string) => string;

const strayTokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  "'",
  '//',
  '/*',
  '*/',
  'null',
  'True',
  'None',
  'NaN',
  '-',
  '1e999',
  '\\',
  '\\u',
  '\u0000',
  '\ud800',
  '\ufeff',
  '\r',
  'é',
  '__proto__',
] as const;
const strangeValues = [
  'null',
  'true',
  '-1',
  '0',
  '0.5',
  '1e308',
  '-0',
  '99999999999999999999',
  '""',
  '"int8"',
  '"uint4"',
  '[]',
  '{}',
  '[[[]]]',
  '{"":{"":""}}',
  '"\\ud800"',
  '{"__proto__":{"a":1}}',
  '["gptq","gptq"]',
  '"constructor"',
  '{"toString":1}',
] as const;

const cut: Mutation = (random, text) => {
  const start = placeIn(random, text);
  return text.slice(0, start) + text.slice(start + 1 + Math.floor(random() * 12));
};
const truncate: Mutation = (random, text) => text.slice(0, placeIn(random, text));
const double: Mutation = (random, text) => {
  const start = placeIn(random, text);
  const end = Math.min(text.length, start + Math.floor(random() * 60));
  return text.slice(0, end) + text.slice(start, end) + text.slice(end);
};
const insertToken: Mutation = (random, text) => {
  const at = placeIn(random, text);
  return text.slice(0, at) + pick(random, strayTokens) + text.slice(at);
};
const replaceValue: Mutation = (random, text) => {
  const values = [...text.matchAll(/:\s*("(?:[^"\\]|\\.)*"|[-\d.eE+]+|true|false|null)/g)];
  if (values.length === 0) return text;
  const match = pick(random, values);
  const old = match[1] ?? '';
  const start = match.index + match[0].length - old.length;
  return text.slice(0, start) + pick(random, strangeValues) + text.slice(start + old.length);
};
const misspellKey: Mutation = (random, text) => {
  const keys = [...text.matchAll(/"(\w+)"\s*:/g)];
  if (keys.length === 0) return text;
  const match = pick(random, keys);
  const inside = match.index + 1 + Math.floor(random() * (match[1]?.length ?? 1));
  return text.slice(0, inside) + pick(random, ['x', '', '_', 'É', '"']) + text.slice(inside + 1);
};
const nest: Mutation = (random, text) => {
  const depth = 1 + Math.floor(random() * 3000);
  const at = placeIn(random, text);
  return text.slice(0, at) + pick(random, ['[', '{"a":']).repeat(depth) + text.slice(at);
};
const flipCharacter: Mutation = (random, text) => {
  const at = placeIn(random, text);
  return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 0x10000)) + text.slice(at + 1);
};

/** Common damage is listed more often than the rare. */
const mutations: readonly Mutation[] = [
  cut,
  cut,
  truncate,
  double,
  insertToken,
  insertToken,
  replaceValue,
  replaceValue,
  replaceValue,
  misspellKey,
  misspellKey,
  flipCharacter,
  nest,
];

function placeIn(random: Random, text: string): number {
  return Math.floor(random() * (text.length + 1));
}
