// Which integer activations compressed-tensors schemes of vLLM take: 8 bits, dynamic per token or static per tensor (compressed_tensors.py ::
// _is_dynamic_token_w8a8, _is_static_tensor_w8a8). Zero points are taken; calibrated ones by code that says of itself that nobody tested it.
import { refused, targetName, unknown } from '../../judge.ts';
import type { Nearest, SupportVerdict } from '../../verdict.ts';
import { again, type Job } from './job.ts';

/** `staticToo`: the scheme has calibrated scales as well. */
export function integerActivations({ input }: Job, staticToo: boolean): readonly SupportVerdict[] {
  const { activations, weights } = input.recipe;
  if (activations === null) return [];
  const { bits, granularity, dynamic, symmetric } = activations;
  const refuse = (
    field: 'activations.bits' | 'activations.granularity' | 'activations.dynamic',
    message: string,
    nearest: Nearest,
  ): readonly SupportVerdict[] => [refused(input, { rule: 'VL-CT-NOSCHEME', field, nearest, message: `${targetName(input)}: ${message}` })];
  if (bits !== 8) {
    const nearest: Nearest = { field: 'activations.bits', value: 8, words: again(input, 'activations of 8 bits') };
    return refuse('activations.bits', `${weights.bits}-bit weights have activations of 8 bits there, not ${bits}.`, nearest);
  }
  if (!dynamic && !staticToo) {
    const nearest: Nearest = { field: 'activations.dynamic', value: true, words: again(input, 'dynamic scales') };
    return refuse('activations.dynamic', `activations beside ${weights.bits}-bit weights have scales found at run time there, not calibrated ones.`, nearest);
  }
  const wanted = dynamic ? 'per_token' : 'per_tensor';
  if (granularity !== wanted) {
    const nearest: Nearest = { field: 'activations.granularity', value: wanted, words: again(input, `granularity ${wanted}`) };
    return refuse(
      'activations.granularity',
      `${dynamic ? 'dynamic' : 'calibrated'} scales of integer activations are ${wanted} there, not ${granularity}.`,
      nearest,
    );
  }
  return dynamic || symmetric
    ? []
    : [
        unknown(input, {
          rule: 'VL-CT-AZP',
          field: 'activations.symmetric',
          message: `${targetName(input)}: calibrated zero points of activations are loaded by code that nobody tested, it says.`,
        }),
      ];
}
