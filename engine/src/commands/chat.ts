// quantwright chat MODEL_DIR: a conversation on a terminal; with --prompt one answer; with --json the answer as one document.
import { createInterface } from 'node:readline/promises';
import type { ChatMessage, ChatResult, Sampling } from '@quantwright/schemas/rpc/engine';
import { Command } from 'commander';
import { type Chat, createChat } from '../chat/chat.ts';
import { integer, number } from './option-values.ts';
import { exitCodes, runCommand, UsageError } from './run-command.ts';
import { noCacheOption, runModel } from './run-model.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly prompt?: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly maxTokens?: number;
  readonly json?: boolean;
  readonly cache: boolean;
}

export function chatCommand(terminal: Terminal): Command {
  return new Command('chat')
    .description('chat with a model')
    .argument('<model-dir>')
    .option('--prompt <text>', 'ask once and end')
    .option('--system <text>', 'system message')
    .option('--temperature <t>', "0 = always the most likely token (default: the model's generation_config.json, else 0)", number(0, 100))
    .option('--top-k <n>', 'only the n most likely tokens', integer(1))
    .option('--top-p <p>', 'only the most likely tokens that make up this probability', number(0, 1, 'above'))
    .option('--min-p <p>', 'only tokens at least this fraction as likely as the best', number(0, 1))
    .option('--repetition-penalty <f>', 'above 1: less repetition', number(0, 100, 'above'))
    .option('--seed <n>', 'equal seeds give equal answers', integer(0))
    .option('--max-tokens <n>', "longest answer (default: the model's, else 512)", integer(1))
    .option('--json', 'one JSON document; needs --prompt')
    .option(...noCacheOption)
    .addHelpText(
      'after',
      "\nWhat is not given comes from the model's generation_config.json (do_sample, temperature, top_k, top_p, min_p, repetition_penalty, max_new_tokens).",
    )
    .action((modelDir: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => chat(terminal, modelDir, options)));
}

async function chat(terminal: Terminal, modelDir: string, options: Options): Promise<number> {
  if (options.prompt === undefined && options.json) throw new UsageError('--json needs --prompt');
  const system: readonly ChatMessage[] = options.system === undefined ? [] : [{ role: 'system', content: options.system }];
  const sampling = samplingOf(options);
  return runModel(terminal, modelDir, options, async (model) => {
    const conversation = await createChat(model);
    warnOfNoEffect(terminal, options, sampling.temperature ?? conversation.defaults.temperature ?? 0);
    if (options.prompt === undefined) return converse(terminal, conversation, system, sampling);
    const result = await answer(terminal, conversation, [...system, { role: 'user', content: options.prompt }], sampling, options.json ?? false);
    if (options.json) terminal.out(`${JSON.stringify(result, null, 2)}\n`);
    terminal.signal.throwIfAborted();
    return exitCodes.ok;
  });
}

async function answer(terminal: Terminal, conversation: Chat, messages: readonly ChatMessage[], sampling: Sampling, quiet: boolean): Promise<ChatResult> {
  const result = await conversation.turn({
    messages,
    sampling,
    signal: terminal.signal,
    onDelta: (delta) => {
      if (!quiet) terminal.out(delta.text);
    },
  });
  if (!quiet) terminal.out('\n');
  return result;
}

/** Until the input ends or /quit. /new forgets the conversation. */
async function converse(terminal: Terminal, conversation: Chat, system: readonly ChatMessage[], sampling: Sampling): Promise<number> {
  const input = createInterface({ input: process.stdin, output: terminal.outInteractive ? process.stdout : process.stderr, terminal: terminal.outInteractive });
  // With a screen, readline takes Ctrl+C itself; it ends the conversation as it ends every other command.
  input.on('SIGINT', () => process.emit('SIGINT'));
  terminal.signal.addEventListener('abort', () => input.close(), { once: true });
  let messages: readonly ChatMessage[] = system;
  if (terminal.outInteractive) terminal.err('/new begins a new conversation, /quit ends\n');
  input.setPrompt('> ');
  input.prompt();
  for await (const line of input) {
    const question = line.trim();
    if (question === '/quit') break;
    if (question === '/new') messages = system;
    else if (question !== '') {
      const asked: readonly ChatMessage[] = [...messages, { role: 'user', content: question }];
      const result = await answer(terminal, conversation, asked, sampling, false);
      if (terminal.signal.aborted) break;
      messages = [...asked, { role: 'assistant', content: result.text }];
      terminal.err(
        `[${result.tokens} tokens, ${result.tokensPerSecond.toFixed(0)} tokens/s${result.finishReason === 'stop' ? '' : `, ended by ${result.finishReason}`}]\n`,
      );
    }
    input.prompt();
  }
  input.close();
  terminal.signal.throwIfAborted();
  return exitCodes.ok;
}

/** Filters of a drawing that does not happen. */
function warnOfNoEffect(terminal: Terminal, options: Options, temperature: number): void {
  if (temperature > 0) return;
  const given = { '--top-k': options.topK, '--top-p': options.topP, '--min-p': options.minP, '--seed': options.seed };
  const idle = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (idle.length > 0)
    terminal.err(`warning: ${idle.join(', ')} ${idle.length === 1 ? 'has' : 'have'} no effect at temperature 0; add --temperature 0.7, for example\n`);
}

function samplingOf(options: Options): Sampling {
  const { temperature, topK, topP, minP, repetitionPenalty, seed, maxTokens } = options;
  const given = { temperature, topK, topP, minP, repetitionPenalty, seed, maxTokens };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
