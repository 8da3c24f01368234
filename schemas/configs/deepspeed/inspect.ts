// What stands beside compression_training in a DeepSpeed config and does not go with it: ZeRO, fp16, bf16; and what weight quantization does not do.
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { PlaceProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { sharedOf } from './groups.ts';

const SOURCE = 'deepspeedai/DeepSpeed deepspeed/compression';

export function inspectTraining(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  const shared = sharedOf(nodeAt(root, path)?.value, 'weight_quantization');
  if (shared.boolean('enabled') !== true) {
    return [];
  }
  const section = [...path, 'weight_quantization'];
  const inForward = shared.boolean('quantize_weight_in_forward');
  return [
    ...zero(root),
    ...(inForward === null ? [] : rounding(root, [...section, 'shared_parameters', 'quantize_weight_in_forward'], inForward)),
    simulated(section),
    ...elsewhere(root, path, shared),
  ];
}

function zero(root: ConfigNode): readonly PlaceProblem[] {
  const path = ['zero_optimization', 'stage'];
  const stage = nodeAt(root, path)?.value;
  if (typeof stage !== 'number' || stage < 1) {
    return [];
  }
  const message = `Weight quantization is not supported under ZeRO: the stage is ${stage}, and weights that are cut into partitions cannot be quantized in groups. Use stage 0.`;
  return [{ code: 'QC021', path, on: 'value', message, source: 'deepspeedai/DeepSpeed issue 3542', fixes: [setFix(path, 0)] }];
}

/** DeepSpeed's documentation: true for an FP32 optimizer, false for fp16. What bf16 wants is not written anywhere. */
function rounding(root: ConfigNode, path: JsonPath, inForward: boolean): readonly PlaceProblem[] {
  const fp16 = nodeAt(root, ['fp16', 'enabled'])?.value;
  const bf16 = nodeAt(root, ['bf16', 'enabled'])?.value === true || nodeAt(root, ['bfloat16', 'enabled'])?.value === true;
  const base = { code: 'QC021', path, on: 'value' as const, source: 'deepspeedai/DeepSpeed docs/_pages/config-json.md', fixes: [setFix(path, !inForward)] };
  if (fp16 === true && inForward) {
    return [
      {
        ...base,
        message: "quantize_weight_in_forward is true although fp16 is enabled: with fp16 weights are rounded in the optimizer's step, so it must be false.",
      },
    ];
  }
  if (fp16 === false && !bf16 && !inForward) {
    return [
      {
        ...base,
        message: 'quantize_weight_in_forward is false although fp16 is off: an FP32 optimizer needs weights rounded in the forward pass, so it must be true.',
      },
    ];
  }
  return [];
}

/** What belongs to training and has no part in quantizing a model that is there. */
function elsewhere(root: ConfigNode, path: JsonPath, shared: Fields): readonly PlaceProblem[] {
  const on = (section: string): boolean =>
    nodeAt(root, [...path, section, 'enabled'])?.value === true || nodeAt(root, [...path, section, 'shared_parameters', 'enabled'])?.value === true;
  const hint = (at: JsonPath, message: string): PlaceProblem => ({ code: 'QC021', path: at, on: 'key', severity: 'hint', message, source: SOURCE, fixes: [] });
  const shrinking = ['layer_reduction', 'sparse_pruning', 'row_pruning', 'head_pruning', 'channel_pruning'].filter(on);
  return [
    ...shrinking.map((section) =>
      hint(
        [...path, section],
        `${section} changes the model while it is trained; Quantwright takes the model as it is. Train with DeepSpeed first, and quantize what it saves.`,
      ),
    ),
    ...(shared.text('rounding') === 'stochastic'
      ? [hint([...path, 'weight_quantization', 'shared_parameters', 'rounding'], 'Rounding at random is for training; Quantwright rounds to the nearest code.')]
      : []),
  ];
}

function simulated(path: JsonPath): PlaceProblem {
  const message =
    'DeepSpeed simulates the quantization: the saved weights stay fp16 or fp32, and the checkpoint is as large as before. Quantwright packs them: quantize with this config, or convert it to a *.quant.json.';
  return { code: 'QC021', path, on: 'key', severity: 'hint', message, source: 'microsoft/DeepSpeedExamples issue 716', fixes: [] };
}
