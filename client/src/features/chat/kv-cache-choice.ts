// The KV cache that the chat of this workspace asks for.
import { kvSpecWords, parseKvSpec, printKvSpec } from '@quantwright/schemas/kv/setting';
import { type Memento, window } from 'vscode';

const key = 'quantwright.chat.kvCache';

export class KvCacheChoice {
  readonly #kept: Memento;

  constructor(kept: Memento) {
    this.#kept = kept;
  }

  /** As `--kv-cache` spells it; null: the model's own. What an older version kept and this one does not read is the model's own. */
  get value(): string | null {
    const kept = this.#kept.get<unknown>(key);
    return typeof kept === 'string' && 'setting' in parseKvSpec(kept) ? kept : null;
  }

  async set(value: string | null): Promise<void> {
    await this.#kept.update(key, value ?? undefined);
  }
}

/** Asks for a setting with all its options; undefined when the user leaves. */
export async function askKvCache(now: string | null): Promise<string | undefined> {
  const given = await window.showInputBox({
    title: 'KV cache',
    prompt: kvSpecWords,
    value: now ?? 'kivi:key_bits=4,value_bits=2,group_size=64,residual_length=128',
    validateInput: (text) => {
      const read = parseKvSpec(text);
      return 'problem' in read ? read.problem : null;
    },
  });
  const read = given === undefined ? null : parseKvSpec(given);
  return read !== null && 'setting' in read ? printKvSpec(read.setting) : undefined;
}
