// How GGUF files split texts before merging: `tokenizer.ggml.pre` names one of llama.cpp's splitters (src/llama-vocab.cpp :: llm_tokenizer_bpe and
// llama_vocab::impl::load), spelled here as the pre_tokenizer of a tokenizer.json.

export interface PreTokenizer {
  readonly spec: Readonly<Record<string, unknown>>;
  /** A word that is in the vocabulary is one token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Where tokenizer.ggml.add_bos_token is left out. */
  readonly addBos: boolean;
}

const contraction = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const spaces = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const gpt2Words = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const llama3Words = (digits: string): string => String.raw`${contraction}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|${spaces}`;
/** Words end where small letters are followed by capitals. */
const cased = (digits: string, end: string): string => {
  const [upper, lower] = [String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`];
  const before = String.raw`[^\r\n\p{L}\p{N}]?`;
  return String.raw`${before}${upper}*${lower}+${end}|${before}${upper}+${lower}*${end}|${digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${spaces}`;
};

const split = (pattern: string): Readonly<Record<string, unknown>> => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });

function sequence(...patterns: readonly string[]): PreTokenizer['spec'] {
  return { type: 'Sequence', pretokenizers: [...patterns.map(split), { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }] };
}

const plain = (spec: PreTokenizer['spec']): PreTokenizer => ({ spec, ignoreMerges: false, addBos: false });
const gpt2 = plain({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true });
const digitByDigit = plain(sequence(String.raw`\p{N}`, gpt2Words));
const qwen2 = plain(sequence(llama3Words(String.raw`\p{N}`)));
const tripleDigits = plain(sequence(llama3Words(String.raw`\p{N}{1,3}`)));
const llama3: PreTokenizer = { ...tripleDigits, ignoreMerges: true, addBos: true };

const known: Readonly<Record<string, PreTokenizer>> = {
  default: plain(sequence(String.raw`[\p{P}\$\+<=>\^~\|]+`, gpt2Words, String.raw`\p{N}+`, '[0-9][0-9][0-9]')),
  'gpt-2': gpt2,
  'phi-2': gpt2,
  mpt: gpt2,
  olmo: gpt2,
  smollm: digitByDigit,
  starcoder: digitByDigit,
  refact: digitByDigit,
  'command-r': digitByDigit,
  codeshell: digitByDigit,
  exaone: digitByDigit,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  falcon3: llama3,
  dbrx: tripleDigits,
  'smaug-bpe': tripleDigits,
  qwen2,
  'deepseek-r1-qwen': qwen2,
  stablelm2: qwen2,
  tekken: { spec: sequence(cased(String.raw`\p{N}`, '')), ignoreMerges: true, addBos: true },
  'gpt-4o': plain(sequence(cased(String.raw`\p{N}{1,3}`, `${contraction}?`))),
};

export const preTokenizerNames: readonly string[] = Object.keys(known);

/** null: no splitter of that name is known here. */
export function ggufPreTokenizer(name: string): PreTokenizer | null {
  return Object.hasOwn(known, name) ? (known[name] ?? null) : null;
}
