// Messages -> the text a model was trained to continue, by its own Jinja template. A template is a program from the internet: it sees only the messages
// and token names, and runs under limits on steps, text and lists, so that it can neither hang the engine nor fill its memory.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import type { ChatMessage } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';

export const templateLimits = {
  /** Published templates have at most 30 kB. */
  sourceCharacters: 500_000,
  /** The longest published templates take some hundred steps a message; this allows conversations of thousands of turns. */
  steps: 2_000_000,
  /** More than any context window holds. */
  textCharacters: 8_000_000,
  /** Longest list that range() makes; templates count messages with it. */
  rangeLength: 100_000,
} as const;

export interface TemplateInput {
  readonly template: string;
  readonly messages: readonly ChatMessage[];
  readonly specialTokens: Readonly<Record<string, string>>;
  /** For messages. */
  readonly file: string;
  /** The conversation is whole: nothing is put behind it for the assistant to go on. Left out: false. */
  readonly answered?: boolean;
}

/** Ends where the assistant's answer begins, unless it is `answered`. Throws kind `checkpoint` when the template is faulty or exceeds a limit, `input` when it refuses the messages. */
export function renderChat(input: TemplateInput): string {
  const { template, messages, specialTokens, file, answered = false } = input;
  if (template.length > templateLimits.sourceCharacters) {
    throw new EngineError(
      'checkpoint',
      `${file}: the chat template has ${template.length} characters, more than the limit of ${templateLimits.sourceCharacters}`,
      { file },
    );
  }
  const variables = { ...specialTokens, messages: messages.map(({ role, content }) => ({ role, content })), add_generation_prompt: !answered };
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    const text = limited(new Interpreter(environment(variables))).run(program).value;
    if (typeof text !== 'string') throw new TypeError('it does not produce text');
    return text;
  } catch (cause) {
    if (cause instanceof TemplateRefusal)
      throw new EngineError('input', `the model's chat template refuses this conversation: ${cause.message}`, { file, cause });
    throw new EngineError('checkpoint', `${file}: the chat template failed: ${cause instanceof Error ? cause.message : String(cause)}`, { file, cause });
  }
}

/** raise_exception(...) of a template: its words about the messages, not a fault. */
class TemplateRefusal extends Error {}

/** The part of the library's interpreter that is used; its declarations do not resolve under Node's module rules. */
interface Evaluator {
  evaluate(statement: unknown, environment: unknown): { readonly value?: unknown };
  run(program: unknown): { readonly value?: unknown };
}

/** Every statement and expression goes through `evaluate`, also from inside the interpreter, so counting there counts everything. */
function limited(interpreter: Evaluator): Evaluator {
  const evaluate = interpreter.evaluate.bind(interpreter);
  let steps = 0;
  interpreter.evaluate = (statement, scope) => {
    if (++steps > templateLimits.steps) throw new Error(`it takes more than ${templateLimits.steps} steps`);
    const result = evaluate(statement, scope);
    const { value } = result;
    if ((typeof value === 'string' || Array.isArray(value)) && value.length > templateLimits.textCharacters) {
      throw new Error(`it makes a value of more than ${templateLimits.textCharacters} characters`);
    }
    return result;
  };
  return interpreter;
}

function environment(variables: Readonly<Record<string, unknown>>): Environment {
  const out = new Environment();
  const globals = {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range: boundedRange,
    strftime_now: strftime,
    raise_exception: refuse,
  };
  for (const [name, value] of Object.entries({ ...globals, ...variables })) out.set(name, value);
  return out;
}

function refuse(message: unknown): never {
  throw new TemplateRefusal(String(message));
}

function boundedRange(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= templateLimits.rangeLength)) throw new Error(`range() of ${length} elements, the limit is ${templateLimits.rangeLength}`);
  return Array.from({ length }, (_, index) => from + index * step);
}

/** The fields that published templates use (Llama 3.1 and Granite print the date). */
function strftime(format: string): string {
  const now = new Date();
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = (style: 'long' | 'short'): string => now.toLocaleString('en-US', { month: style });
  const fields: Readonly<Record<string, string>> = {
    Y: String(now.getFullYear()),
    m: two(now.getMonth() + 1),
    d: two(now.getDate()),
    b: month('short'),
    B: month('long'),
    H: two(now.getHours()),
    M: two(now.getMinutes()),
    S: two(now.getSeconds()),
    '%': '%',
  };
  return format.replace(/%([A-Za-z%])/g, (all, key: string) => fields[key] ?? all);
}
