// A response format -> the constraint of a generation. The tree of the vocabulary is made once for a model; the constraint of a schema is kept for the next answer.
import { createHash } from 'node:crypto';
import type { ResponseFormat } from '@quantwright/schemas/rpc/engine';
import type { TokenConstraint } from '../chat/token-constraint.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Grammar } from './grammar.ts';
import { grammarConstraint } from './grammar-constraint.ts';
import { jsonObjectGrammar, schemaGrammar } from './json-schema.ts';
import { document } from './json-text.ts';
import { createTokenTrie, type TokenTrie } from './token-trie.ts';

/** `width`: of the model's logits. Throws kind `input` for formats and schemas that cannot be kept. */
export type ResponseConstraints = (format: ResponseFormat | undefined) => TokenConstraint | undefined;

export function responseConstraints(tokenizer: Tokenizer, width: number): ResponseConstraints {
  // Vocabularies may have gaps: ids that stand for nothing are never allowed.
  const bytesOf = (id: number): Uint8Array => {
    try {
      return tokenizer.bytesOf(id);
    } catch {
      return new Uint8Array();
    }
  };
  let trie: TokenTrie | null = null;
  let kept: { readonly key: string; readonly constraint: TokenConstraint } | null = null;
  return (format) => {
    const grammar = grammarOf(format);
    if (grammar === null) return undefined;
    const key = createHash('sha256').update(JSON.stringify(format)).digest('hex');
    if (kept?.key === key) return kept.constraint;
    trie ??= createTokenTrie(Math.min(width, tokenizer.vocabulary), bytesOf);
    const constraint = grammarConstraint(document(grammar()), { trie, bytesOf, endIds: tokenizer.endIds, width });
    kept = { key, constraint };
    return constraint;
  };
}

function grammarOf(format: ResponseFormat | undefined): (() => Grammar) | null {
  switch (format?.type) {
    case undefined:
    case 'text':
      return null;
    case 'json_object':
      return () => jsonObjectGrammar;
    case 'json_schema':
      return () => schemaGrammar(format.schema);
    default:
      throw new EngineError('input', `responseFormat: ${spell(format)} is none; types are text, json_object and json_schema`);
  }
}
