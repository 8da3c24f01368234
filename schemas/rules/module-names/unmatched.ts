// Patterns that match no module of the checkpoint. Used for QC003 (what is ignored or targeted) and QC025 (settings of their own).
import type { Finding } from '../../check/finding.ts';
import { type WrittenPattern, writtenPatterns } from '../../configs/written-patterns.ts';
import { rangeAt } from '../../document/find.ts';
import { indicesOf, isModule } from '../../recipe/module-patterns.ts';
import type { RuleContext } from '../rule.ts';
import { patternFixes } from './fix.ts';
import { nearPattern } from './near-name.ts';

/** Searching for a near name looks at every module: beyond this many the rest is told without. */
const SEARCHED = 40;
const SOURCE = 'vllm-project/vllm issue 9832; NVIDIA/TensorRT-LLM issue 1528';

export function unmatched(code: string, context: RuleContext, uses: readonly WrittenPattern['use'][]): readonly Finding[] {
  const modules = knownModules(context);
  if (modules === null) {
    return [];
  }
  const patterns = writtenPatterns(context.format.id, context.value, context.path).filter(({ use }) => uses.includes(use));
  const lost = patterns.filter((pattern) => !matchesAny(pattern, modules));
  return lost.map((pattern, index) => {
    const near = index < SEARCHED ? nearPattern(pattern, modules) : null;
    const hint = near === null ? '' : `; ${JSON.stringify(near.text)} matches ${near.count}`;
    return {
      code,
      severity: near === null ? ('information' as const) : ('warning' as const),
      message: `${USES[pattern.use]} ${JSON.stringify(pattern.text)} matches none of ${modules.length} modules of the checkpoint, and is passed over in silence${hint}.`,
      path: pattern.path,
      range: rangeAt(context.document.root, pattern.path, pattern.isKey ? 'key' : 'value'),
      supportRule: null,
      source: SOURCE,
      fixes: patternFixes(pattern, near?.text ?? null),
    };
  });
}

const USES: Readonly<Record<WrittenPattern['use'], string>> = { ignore: 'Of the exceptions', settings: 'Of the settings', targets: 'Of the targets' };

/** Null: what the checkpoint holds is not known for certain. */
function knownModules({ files }: RuleContext): readonly string[] | null {
  const table = files?.tensors ?? null;
  const whole = table !== null && (table.problems.length === 0 || (files?.texts.has('model.safetensors.index.json') ?? false));
  return whole && table.modules.length > 0 ? table.modules : null;
}

/** Class names and what does not compile count as matching. lm_head has no tensor of its own where it shares the embeddings, and is named all the same. */
function matchesAny(pattern: WrittenPattern, modules: readonly string[]): boolean {
  if (isModule(pattern.text, modules)) {
    return true;
  }
  const { source } = pattern;
  return source === null || indicesOf(source, modules).length > 0 || indicesOf(source, HEAD).length > 0;
}

const HEAD: readonly string[] = ['lm_head', 'model.embed_tokens', 'model.lm_head', 'language_model.lm_head'];
