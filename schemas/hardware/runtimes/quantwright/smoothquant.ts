// What SmoothQuant's search of alpha asks for here: nothing before it that would have to be trained for every alpha, and text that can be held out.
import { type JudgeInput, refused } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';

export function smoothquantVerdicts(input: JudgeInput): readonly SupportVerdict[] {
  const { methods, smoothquant, calibration } = input.recipe;
  if (!methods.includes('smoothquant') || smoothquant?.alpha !== 'auto') return [];
  const field = 'smoothquant.alpha' as const;
  const nearest = { field, value: 0.5, words: 'alpha 0.5' } as const;
  if (methods.includes('teq')) {
    const message = 'Quantwright: alpha "auto" is not searched behind teq, which would have to be trained for every alpha; give smoothquant a number.';
    return [refused(input, { rule: 'QW-26', field, nearest, message })];
  }
  if (calibration !== null && calibration.samples < 2) {
    const message = 'Quantwright: alpha "auto" is measured on calibration sequences that are held out, so 2 samples are needed at least.';
    return [refused(input, { rule: 'QW-26', field, nearest, message })];
  }
  return [];
}
