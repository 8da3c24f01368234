// The chat behind the view: which model, the conversation, the running turn. Survives hiding the view; the view asks again with `ready`.
import { basename } from 'node:path';
import { type ChatResult, chat, chatDelta, unload } from '@quantwright/schemas/rpc/engine';
import type { FromChat, ModelChoice, ToChat } from '@quantwright/schemas/rpc/webview';
import { CancellationTokenSource, type Disposable, env } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { EngineStoppedError, engineFailure } from '../../engine/engine-error.ts';
import type { EngineState } from '../../engine/engine-supervisor.ts';
import { embeddedModel, findModels, remember } from '../models/find-models.ts';
import { browseModel } from '../models/pick-model.ts';
import { brokenTurnWords, doneMessage } from './chat-words.ts';
import { type ConversationEvent, emptyConversation, forEngine, next } from './conversation.ts';
import { askKvCache, KvCacheChoice } from './kv-cache-choice.ts';

type Notice = Extract<ToChat, { readonly type: 'notice' }>;
type Done = Extract<ToChat, { readonly type: 'done' }>;

/** Answers longer than this are cut with finishReason `length`; it also bounds a model that never stops. */
const maxAnswerTokens = 1_024;

export class ChatController implements Disposable {
  readonly #context: QuantwrightContext;
  readonly #engineListener: Disposable;
  #post: ((message: ToChat) => void) | null = null;
  #models: readonly ModelChoice[] = [];
  #model: string | null = null;
  readonly #cache: KvCacheChoice;
  #conversation = emptyConversation;
  #turn: CancellationTokenSource | null = null;
  #turns = 0;
  /** Settles when the engine has let go of the last turn, cancelled ones included. Never rejects. */
  #released: Promise<void> = Promise.resolve();
  #notice: Notice | null = null;
  #done: Done | null = null;
  /** How the engine ended in the turn that broke last, until its restart has been told. */
  #brokenBy: string | null = null;

  constructor(context: QuantwrightContext) {
    this.#context = context;
    this.#cache = new KvCacheChoice(context.extension.workspaceState);
    this.#engineListener = context.engine.onDidChangeState((state) => this.#tellRestart(state));
  }

  /** null: the view is gone. */
  attach(post: ((message: ToChat) => void) | null): void {
    this.#post = post;
  }

  async receive(message: FromChat): Promise<void> {
    switch (message.type) {
      case 'ready':
        return this.#restoreView();
      case 'send':
        return this.#send(message.text.trim());
      case 'stop':
        this.#turn?.cancel();
        return;
      case 'newChat':
        this.#turn?.cancel();
        this.#turn = null;
        this.#done = null;
        this.#notice = null;
        return this.#change({ type: 'cleared' });
      case 'pickModel':
        return this.useModel(message.dir);
      case 'browseModel': {
        const dir = await browseModel(this.#context);
        return dir === undefined ? this.#postState() : this.useModel(dir);
      }
      case 'pickKvCache':
        return this.#useCache(message.kvCache);
      case 'askKvCache': {
        const asked = await askKvCache(this.#cache.value);
        return asked === undefined ? this.#postState() : this.#useCache(asked);
      }
      case 'copy':
        await env.clipboard.writeText(message.text);
    }
  }

  /** The conversation goes on with the new model; the former one's memory is freed. */
  async useModel(dir: string): Promise<void> {
    const before = this.#model;
    if (dir !== before) this.#turn?.cancel();
    this.#model = dir;
    remember(this.#context, dir);
    this.#models = await findModels(this.#context);
    this.#postState();
    if (before === null || before === dir || this.#context.engine.state.tag !== 'running') return;
    try {
      await this.#released;
      await this.#context.engine.request(unload, { modelDir: before }, { label: `unloading ${basename(before)}` });
    } catch (error) {
      this.#context.log.debug(`Unloading ${before}: ${String(error)}`);
    }
  }

  /** From the next answer on; the engine reads the conversation anew into another cache. */
  async #useCache(kvCache: string | null): Promise<void> {
    await this.#cache.set(kvCache);
    this.#postState();
  }

  dispose(): void {
    this.#turn?.cancel();
    this.#engineListener.dispose();
  }

  async #restoreView(): Promise<void> {
    // A conversation comes back at once; looking for models may take a while in a large workspace.
    if (this.#model !== null) this.#postState();
    this.#models = await findModels(this.#context);
    this.#model ??= this.#models[0]?.dir ?? embeddedModel(this.#context);
    this.#postState();
    if (this.#done !== null) this.#post?.(this.#done);
    if (this.#notice !== null) this.#post?.(this.#notice);
  }

  async #send(text: string): Promise<void> {
    if (text === '' || this.#conversation.busy || !this.#context.mayUseEngine('Chatting with a model')) return;
    const modelDir = this.#model ?? embeddedModel(this.#context);
    const turn = new CancellationTokenSource();
    this.#turn = turn;
    this.#notice = null;
    this.#brokenBy = null;
    this.#change({ type: 'sent', text });
    const answer = this.#released.then(() => this.#ask(modelDir, turn));
    this.#released = answer.then(
      () => {},
      () => {},
    );
    try {
      const result = await answer;
      if (this.#turn === turn) this.#finish(result);
    } catch (error) {
      if (this.#turn === turn) this.#breakOff(error);
    } finally {
      turn.dispose();
      if (this.#turn === turn) this.#turn = null;
    }
  }

  #ask(modelDir: string, turn: CancellationTokenSource): Promise<ChatResult> {
    const progressToken = `chat-${++this.#turns}`;
    const kvCache = this.#cache.value;
    return this.#context.engine.request(
      chat,
      {
        modelDir,
        messages: forEngine(this.#conversation.messages),
        sampling: { maxTokens: maxAnswerTokens },
        progressToken,
        ...(kvCache === null ? {} : { kvCache }),
      },
      {
        label: `the answer of ${basename(modelDir)}`,
        token: turn.token,
        progress: {
          type: chatDelta,
          token: progressToken,
          report: ({ text, tokens }) => {
            if (this.#turn !== turn) return;
            this.#conversation = next(this.#conversation, { type: 'delta', text });
            this.#post?.({ type: 'delta', text, tokens });
          },
        },
      },
    );
  }

  #finish(result: ChatResult): void {
    this.#done = doneMessage(result);
    this.#change({ type: 'answered', text: result.text });
    this.#post?.(this.#done);
    if (result.finishReason === 'context') {
      this.#tell({
        type: 'notice',
        level: 'warning',
        text: `The conversation fills the model's context of ${result.contextLength} tokens. Start a new chat to go on.`,
      });
    }
  }

  #breakOff(error: unknown): void {
    this.#change({ type: 'broken' });
    const failure = engineFailure(error);
    if (failure.kind === 'cancelled') return;
    if (error instanceof EngineStoppedError) {
      this.#brokenBy = error.reason;
      this.#tellRestart(this.#context.engine.state);
      return;
    }
    this.#context.log.error(`Chat: ${failure.message}`);
    this.#tell({ type: 'notice', level: 'error', text: failure.message });
  }

  #tellRestart(state: EngineState): void {
    if (this.#brokenBy === null) return;
    this.#tell({ type: 'notice', level: state.tag === 'failed' ? 'error' : 'warning', text: brokenTurnWords(this.#brokenBy, state.tag) });
    if (state.tag === 'running' || state.tag === 'failed') this.#brokenBy = null;
  }

  #tell(notice: Notice): void {
    this.#notice = notice;
    this.#post?.(notice);
  }

  #change(event: ConversationEvent): void {
    this.#conversation = next(this.#conversation, event);
    this.#postState();
  }

  #postState(): void {
    const { messages, busy } = this.#conversation;
    this.#post?.({ type: 'state', models: this.#models, model: this.#model, kvCache: this.#cache.value, messages, busy });
  }
}
