// llama.cpp's verdicts: it runs GGUF files only. Its converter reads some quantized safetensors checkpoints and refuses the others; K-quants
// fall back to older types where a row is no multiple of 256. Source: support-tables section 7.
import { piecesOf, piecesWords } from '../../divisibility.ts';
import { fallsBack, type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import { savedLayout } from '../../saved-layout.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRule } from '../index.ts';

/** quant_method values that conversion/base.py handles. */
export const CONVERTED: readonly string[] = ['bitnet', 'fp8', 'gptq', 'compressed-tensors', 'modelopt', 'mxfp4'];
const K_BLOCK = 256;

export function judgeLlamaCpp(input: JudgeInput): readonly SupportVerdict[] {
  const layout = savedLayout(input);
  const name = targetName(input);
  if (layout === null) {
    const message = `${name}: the file is for another tool and describes no checkpoint that could be converted to GGUF, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'scheme', message })];
  }
  const { scheme } = layout;
  if (scheme === 'chatglm') {
    const message = `${name}: whether its converter reads weights that ChatGLM's own code has quantized was not read, so nothing is said.`;
    return [unknown(input, { rule: 'NO-ROW', field: 'scheme', message })];
  }
  if (scheme === 'gguf') {
    return ggufVerdicts(input);
  }
  if (CONVERTED.includes(scheme)) {
    return [
      fallsBack(input, {
        rule: 'LC-GGUF',
        field: 'scheme',
        to: 'a GGUF file made by its converter',
        cost: 'one conversion, which reads the packed weights',
        message: `${name}: GGUF files only are run; safetensors in ${scheme} are not loaded as they are, but its converter (conversion/base.py) reads them.`,
      }),
    ];
  }
  return [
    refused(input, {
      rule: 'LC-METHOD',
      field: 'scheme',
      words: { method: scheme },
      message: `${name}: GGUF files only are run, and its converter refuses checkpoints quantized with ${scheme} (it reads ${CONVERTED.join(', ')}). Convert the unquantized model to GGUF and quantize that.`,
    }),
  ];
}

function ggufVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { recipe, model, target } = input;
  const rows = recipe.methods.includes('kquant') && model !== null ? piecesOf(recipe, model, target.tensorParallel) : [];
  const short = rows.filter(({ linear }) => linear.in % K_BLOCK !== 0);
  if (short.length === 0) {
    return [{ kind: 'supported', target, kernel: 'GGUF', source: findRule('LC-GGUF')?.source ?? '' }];
  }
  return [
    fallsBack(input, {
      rule: 'LC-K256',
      field: 'weights.groupSize',
      to: 'legacy types (blocks of 32)',
      cost: 'other sizes and errors than the K-quant asked for',
      message: `${targetName(input)}: K-quants need rows that are multiples of ${K_BLOCK}; ${piecesWords(short, 1)} gets a legacy type instead, with a warning.`,
    }),
  ];
}
