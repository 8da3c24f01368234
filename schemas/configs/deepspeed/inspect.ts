// What stands beside compression_training in a DeepSpeed config and does not go with it: ZeRO, fp16, bf16; and what weight quantization does not do.
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { PlaceProblem } from '../config-format.ts';
import { setFix } from '../fixes.ts';
import { sharedOf } from './lower.ts';

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

function simulated(path: JsonPath): PlaceProblem {
  const message =
    'DeepSpeed simulates the quantization: the saved weights stay fp16 or fp32, and the checkpoint is as large as before. Pack it with another tool to save memory.';
  return { code: 'QC021', path, on: 'key', severity: 'hint', message, source: 'microsoft/DeepSpeedExamples issue 716', fixes: [] };
}
