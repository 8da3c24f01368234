// QC018: the output matrix is quantized although it is the embeddings' own.
import type { Finding, Fix } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { isObject } from '../../configs/fields.ts';
import { writtenPatterns } from '../../configs/written-patterns.ts';
import { rangeAt } from '../../document/find.ts';
import { indicesOf } from '../../recipe/module-patterns.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { keepFixes } from './fix.ts';

const HEAD: readonly string[] = ['lm_head'];

export const tiedLmHead: Rule = { code: 'QC018', run: (context) => [...findingsOf('QC018', context), ...quantizedHead(context)] };

function quantizedHead(context: RuleContext): readonly Finding[] {
  if (context.model?.tiedEmbeddings !== true || context.recipe === null) {
    return [];
  }
  const asked = askedFor(context);
  if (asked === null) {
    return [];
  }
  // A job of ours has no such matrix to quantize.
  const own = context.format.id === 'quantwright';
  return [
    {
      code: 'QC018',
      severity: own ? 'error' : 'warning',
      message: `${asked.why}, and the model ties it to its embeddings (tie_word_embeddings): ${own ? 'there is no output matrix of its own to quantize, and the embeddings stay as they are.' : 'the checkpoint then holds a packed copy of a matrix that stands at both ends, and loaders that expect one fail.'}`,
      path: asked.path,
      range: rangeAt(context.document.root, asked.path, 'key'),
      supportRule: null,
      source: 'sgl-project/sglang issue 2935',
      fixes: asked.fixes,
    },
  ];
}

interface Asked {
  readonly why: string;
  readonly path: JsonPath;
  readonly fixes: readonly Fix[];
}

function askedFor(context: RuleContext): Asked | null {
  const { recipe, value, path } = context;
  if (recipe === null || !isObject(value)) {
    return null;
  }
  if (value['lm_head'] === true) {
    const at = [...path, 'lm_head'];
    return {
      why: '"lm_head" asks for a quantized output matrix',
      path: at,
      fixes: [{ title: 'Set "lm_head" to false', edits: [{ kind: 'set', path: at, value: false }], preferred: true }],
    };
  }
  const patterns = writtenPatterns(context.format.id, value, path, false);
  const targets = patterns.filter(({ use }) => use === 'targets');
  const reached = targets.find(({ text, source }) => text === 'Linear' || (source !== null && indicesOf(source, HEAD).length > 0));
  const ignored = recipe.ignore.some((pattern) => indicesOf(pattern, HEAD).length > 0);
  if (recipe.scheme === 'compressed-tensors' && reached !== undefined && !ignored) {
    return {
      why: `The target ${JSON.stringify(reached.text)} reaches lm_head, which "ignore" does not name`,
      path: reached.path,
      fixes: keepFixes(context, 'ignore'),
    };
  }
  const listed = Array.isArray(value['exclude_modules']);
  return listed && !ignored && (recipe.scheme === 'modelopt' || recipe.scheme === 'tensorrt-llm') && recipe.variant !== 'MIXED_PRECISION'
    ? { why: '"exclude_modules" does not name lm_head', path: [...path, 'exclude_modules'], fixes: keepFixes(context, 'exclude_modules') }
    : null;
}
