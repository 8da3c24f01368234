// QC004: a quant_method that is missing or unknown, a config where the tools do not look, or two files that disagree.
import { findingsOf } from '../../check/sources.ts';
import { rangeAt } from '../../document/find.ts';
import type { Rule } from '../rule.ts';
import { asFixes } from './fix.ts';
import { twoFiles } from './two-files.ts';

export const methodPlace: Rule = {
  code: 'QC004',
  run(context) {
    const { root } = context.document;
    const place = root === null ? [] : (context.format.inspect?.(root, context.path) ?? []);
    const found = place.map((problem) => ({
      code: problem.code,
      severity: problem.severity ?? ('error' as const),
      message: problem.message,
      path: problem.path,
      range: rangeAt(root, problem.path, problem.on ?? 'key'),
      supportRule: null,
      source: problem.source ?? 'huggingface/transformers src/transformers/quantizers/auto.py',
      fixes: asFixes(problem.fixes),
    }));
    return [...findingsOf('QC004', context), ...found, ...twoFiles(context)];
  },
};
