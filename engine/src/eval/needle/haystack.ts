// The text that a needle is hidden in: so many tokens of it, cut at sentences, with the needle between two of them.

/** Used where no file is given; repeated as often as the context is long. */
export const builtInHaystack = [
  'The harbour lies at the end of a narrow bay, and the boats come in with the evening tide. Along the quay there are low houses with blue doors.',
  'A baker opens his shop before the sun is up, and the smell of bread fills the street. Children pass on their way to school and look at the window.',
  'In the afternoon the wind turns and brings rain from the hills. People who were mending nets carry them inside and go on with their work there.',
  'On market days farmers sell apples, cheese and wool under the trees. A woman with a grey coat plays the fiddle, and some of the people stop to listen.',
  'Beyond the town a path leads up to the old mill. From there one can see the whole bay, the islands, and on clear days the mountains on the other side.',
  'The river behind the mill is slow and full of reeds. Herons stand in the shallow water and wait, and in spring the meadows beside it are yellow with flowers.',
  'When winter comes, the boats are pulled onto the beach and painted. The evenings are long, and the neighbours meet to tell stories and to play cards.',
].join(' ');

export interface Codec {
  encode(text: string): Int32Array;
  decode(ids: Int32Array): string;
}

/**
 * `budget` tokens of the text, repeated where it is shorter, with the needle behind the last sentence that ends at or before `depth` (0 start, 1 end) of them.
 * depth 0 puts it first. The count is that of the parts: where they meet, a tokenizer may need a token more or less.
 */
export function hideNeedle(codec: Codec, text: string, needle: string, budget: number, depth: number): string {
  const ids = repeated(codec.encode(`${text.trim()} `), budget);
  const before = depth >= 1 ? ids.length : sentenceEnd(codec, ids, Math.round(depth * ids.length));
  return [codec.decode(ids.subarray(0, before)).trim(), needle, codec.decode(ids.subarray(before)).trim()].filter((part) => part !== '').join(' ');
}

function repeated(ids: Int32Array, budget: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, budget) }, (_, at) => ids[at % ids.length] ?? 0);
}

/** Index behind the last token at or before `limit` that ends a sentence; 0: there is none. */
function sentenceEnd(codec: Codec, ids: Int32Array, limit: number): number {
  for (let at = limit; at > 0; at--) if (/[.!?\n]\s*$/.test(codec.decode(ids.subarray(at - 1, at)))) return at;
  return 0;
}
