// What compressed-tensors refuses of a scheme beyond the types of its keys, in its own words.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/{quant_args,quant_scheme}.py
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { removeFix, setFix } from '../fixes.ts';
import { type Args, readArgs, reordersColumns } from './args.ts';

export type Role = 'weights' | 'input_activations' | 'output_activations' | 'kv_cache_scheme';

const ARGS = 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_args.py :: QuantizationArgs';
const SCHEME = 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_scheme.py :: QuantizationScheme';

type Told = Omit<LowerProblem, 'code' | 'on'> & { readonly code?: string };

/** `path`: of the arguments. */
export function argsProblems(role: Role, value: unknown, path: JsonPath): readonly LowerProblem[] {
  const args = readArgs(value);
  if (args === null || !isObject(value)) {
    return [];
  }
  const has = (key: string): boolean => Object.hasOwn(value, key) && value[key] !== null;
  const told = [...groupProblems(args, has, path), ...blockProblems(args, has, path), ...dynamicProblems(role, args, path), ...otherProblems(role, args, path)];
  return told.map((problem) => ({ code: 'QC013', on: 'value', source: ARGS, ...problem }));
}

function groupProblems(args: Args, has: (key: string) => boolean, path: JsonPath): readonly Told[] {
  const at = [...path, 'group_size'];
  const { groupSize, strategy } = args;
  if (groupSize !== null && (groupSize === 0 || groupSize < -1)) {
    return [
      {
        path: at,
        message: `compressed-tensors refuses this: "Invalid group size ${groupSize}. Use group_size > 0 for strategy='group' and group_size = -1 for 'channel'".`,
        fixes: [setFix(at, 128)],
      },
    ];
  }
  const grouped = strategy === 'group' || strategy === 'tensor_group';
  if (grouped && (groupSize === null || groupSize < 1)) {
    return [
      {
        path: groupSize === null ? [...path, 'strategy'] : at,
        message: `strategy "${strategy}" has ${groupSize === null ? 'no group_size' : `group_size ${groupSize}`}. compressed-tensors refuses: "strategy group requires group_size to be set to a positive value".`,
        fixes: [
          setFix(at, strategy === 'group' ? 128 : 16),
          ...(strategy === 'group' ? [{ ...setFix([...path, 'strategy'], 'channel'), preferred: false }] : []),
        ],
      },
    ];
  }
  return !grouped && groupSize !== null && groupSize > 0 && has('strategy')
    ? [
        {
          path: at,
          message: `group_size ${groupSize} stands beside strategy "${strategy}". compressed-tensors refuses: "group_size requires strategy to be set to 'group'".`,
          fixes: [setFix([...path, 'strategy'], 'group'), { ...removeFix(at), preferred: false }],
        },
      ]
    : [];
}

function blockProblems(args: Args, has: (key: string) => boolean, path: JsonPath): readonly Told[] {
  const at = [...path, 'block_structure'];
  if (args.strategy === 'block' && !has('block_structure')) {
    return [
      {
        path: [...path, 'strategy'],
        message: 'strategy "block" has no block_structure. compressed-tensors refuses: "Block strategy requires block structure".',
        fixes: [setFix(at, [128, 128])],
      },
    ];
  }
  return args.strategy !== 'block' && has('block_structure')
    ? [
        {
          path: at,
          message: `block_structure stands beside strategy "${args.strategy}". compressed-tensors refuses: "Block structure requires block strategy".`,
          fixes: [setFix([...path, 'strategy'], 'block'), { ...removeFix(at), preferred: false }],
        },
      ]
    : [];
}

const DYNAMIC = ['token', 'tensor', 'tensor_group', 'group'];

function dynamicProblems(role: Role, args: Args, path: JsonPath): readonly Told[] {
  const at = [...path, 'dynamic'];
  if (role === 'weights' && args.dynamic !== false) {
    return [
      {
        path: at,
        message: 'Weights cannot have dynamic scales; they are quantized once, before the model is stored.',
        source: SCHEME,
        fixes: [setFix(at, false)],
      },
    ];
  }
  if (args.dynamic === 'local' && args.strategy !== 'tensor_group') {
    return [
      {
        path: at,
        message: `dynamic "local" stands beside strategy "${args.strategy}". compressed-tensors refuses: "local is only supported for strategy tensor_group".`,
        fixes: [setFix(at, true)],
      },
    ];
  }
  if (args.dynamic === true && !DYNAMIC.includes(args.strategy)) {
    return [
      {
        path: at,
        message: `dynamic scales stand beside strategy "${args.strategy}"; compressed-tensors has them with token, tensor, tensor_group and group only.`,
        fixes: [setFix([...path, 'strategy'], 'token'), { ...setFix(at, false), preferred: false }],
      },
    ];
  }
  return role === 'input_activations' && args.strategy === 'token' && args.dynamic === false
    ? [
        {
          path: [...path, 'strategy'],
          message:
            'A scale for each token cannot be stored. compressed-tensors refuses: "Cannot perform static token quantization, please use `dynamic=True`".',
          source: SCHEME,
          fixes: [setFix(at, true), { ...setFix([...path, 'strategy'], 'tensor'), preferred: false }],
        },
      ]
    : [];
}

const INPUTS = ['token', 'tensor', 'group', 'tensor_group', 'attn_head'];

function otherProblems(role: Role, args: Args, path: JsonPath): readonly Told[] {
  const problems: Told[] = [];
  const order = [...path, 'actorder'];
  if (role === 'input_activations' && !INPUTS.includes(args.strategy)) {
    problems.push({
      path: [...path, 'strategy'],
      message: `Inputs have no strategy "${args.strategy}" in compressed-tensors; theirs are ${INPUTS.join(', ')}.`,
      source: SCHEME,
      fixes: [setFix([...path, 'strategy'], args.dynamic === false ? 'tensor' : 'token')],
    });
  }
  if (role === 'input_activations' && args.actorder !== null && args.actorder !== false) {
    problems.push({
      path: order,
      message: 'Inputs have no column order. compressed-tensors refuses: "Cannot apply actorder to input activations".',
      source: SCHEME,
      fixes: [setFix(order, null)],
    });
  } else if (reordersColumns(args.actorder)) {
    problems.push(orderProblem(args, order));
  }
  if (args.float && !args.symmetric) {
    const at = [...path, 'symmetric'];
    problems.push({
      code: 'QC005',
      severity: 'warning',
      path: at,
      message: 'Floats are symmetric in practice: no kernel reads zero points beside them.',
      fixes: [setFix(at, true)],
    });
  }
  return problems;
}

function orderProblem({ actorder, strategy }: Args, path: JsonPath): Told {
  return strategy !== 'group' && strategy !== 'tensor_group'
    ? {
        code: 'QC009',
        path,
        message: `actorder ${JSON.stringify(actorder)} stands beside strategy "${strategy}". compressed-tensors refuses: "Must use group or tensor_group quantization strategy in order to apply group activation ordering".`,
        fixes: [setFix(path, null)],
      }
    : {
        code: 'QC009',
        severity: 'warning',
        path,
        message: `actorder ${JSON.stringify(actorder)} was removed in August 2026: newer compressed-tensors and vLLM refuse the file, older ones read it. The stored weights depend on it, so the model must be quantized again with actorder "static".`,
        source: 'vllm-project/compressed-tensors pull request 840; vllm-project/vllm issue 48148',
        fixes: [],
      };
}
