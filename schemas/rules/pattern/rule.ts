// QC025: patterns that do not compile, that say another thing than was meant, or whose settings reach no module.
import type { Finding } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { fromPython } from '../../configs/hf/module-patterns.ts';
import { PATTERN_SIGNS, regexPart, type WrittenPattern, writtenPatterns } from '../../configs/written-patterns.ts';
import { rangeAt } from '../../document/find.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import { unmatched } from '../module-names/unmatched.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { escapedFix, starFix } from './fix.ts';

export const patternRule: Rule = {
  code: 'QC025',
  run(context) {
    const told = findingsOf('QC025', context);
    const patterns = writtenPatterns(context.format.id, context.value, context.path, false).filter(({ text }) => PATTERN_SIGNS.test(text));
    const fresh = patterns.filter(({ path }) => !told.some((finding) => JSON.stringify(finding.path) === JSON.stringify(path)));
    return [...told, ...fresh.flatMap((pattern) => written(pattern, context)), ...unmatched('QC025', context, ['settings'])];
  },
};

/** The letter before a star, behind another letter: "lm_head*" is lm_hea, and any number of d. */
const STAR_ON_LETTER = /\w[A-Za-z_]\*/;

function written(pattern: WrittenPattern, context: RuleContext): readonly Finding[] {
  const regex = regexPart(pattern.text, pattern.syntax);
  if (regex === null) {
    return [];
  }
  if (startAnchored(fromPython(regex)) === null) {
    return [
      {
        ...placed(pattern, context),
        severity: 'error',
        message: `"${regex}" is not a regular expression, and ${READERS[pattern.syntax]} reads it as one.`,
        fixes: escapedFix(pattern, regex),
      },
    ];
  }
  const star = STAR_ON_LETTER.exec(regex);
  if (star === null) {
    return [];
  }
  const letter = star[0].charAt(1);
  return [
    {
      ...placed(pattern, context),
      severity: 'hint',
      message: `"${regex}": the star repeats the letter "${letter}", zero times or more; for any text after it write "${letter}.*".`,
      fixes: starFix(pattern),
    },
  ];
}

const READERS: Readonly<Record<WrittenPattern['syntax'], string>> = {
  regex: 'this format',
  dynamic: 'GPTQModel',
  transformers: 'transformers',
  substring: 'AutoAWQ',
  'compressed-tensors': 'compressed-tensors',
  glob: 'this format',
  name: 'auto-round',
};

function placed({ path, isKey }: WrittenPattern, { document }: RuleContext): Pick<Finding, 'code' | 'path' | 'range' | 'supportRule' | 'source'> {
  const range = rangeAt(document.root, path, isKey ? 'key' : 'value');
  return { code: 'QC025', path, range, supportRule: null, source: 'ModelCloud/GPTQModel gptqmodel/quantization/config.py :: QuantizeConfig.dynamic' };
}
