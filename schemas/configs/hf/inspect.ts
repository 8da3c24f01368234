// Where a Hugging Face quantization config stands and what stands beside it: mistakes its own schema cannot see.
import type { Edit } from '../../check/finding.ts';
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { PlaceProblem } from '../config-format.ts';

const AUTO = 'huggingface/transformers src/transformers/quantizers/auto.py';

/** The place of the config, and keys that take it over. For every format but bitsandbytes, whose own keys those are. */
export function inspectPlace(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  return [...inspectMember(root, path), ...takenOver(root, path)];
}

/** The place alone: under a part of the model, or under llm-compressor's old name. */
export function inspectMember(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  const config = nodeAt(root, path);
  if (config === null) {
    return [];
  }
  const [first, last] = [path[0], path.at(-1)];
  if (last === 'compression_config') {
    return [
      {
        code: 'QC020',
        severity: 'hint',
        path,
        message: 'compression_config is the old name of this member; llm-compressor and transformers now write quantization_config.',
        source: 'huggingface/transformers src/transformers/utils/quantization_config.py :: CompressedTensorsConfig',
        fixes: [{ title: 'Rename to quantization_config', edits: [{ kind: 'rename', path, key: 'quantization_config' }] }],
      },
    ];
  }
  if (path.length < 2 || nodeAt(root, ['quantization_config']) !== null) {
    return [];
  }
  const edits: readonly Edit[] = [
    { kind: 'set', path: ['quantization_config'], value: config.value },
    { kind: 'remove', path },
  ];
  return [
    {
      code: 'QC004',
      severity: 'warning',
      path,
      message: `quantization_config under ${String(first)} is not seen by many runtimes; they read it at the top of config.json and load the model as if it were not quantized.`,
      source: 'vllm-project/vllm issue 11122',
      fixes: [{ title: 'Move quantization_config to the top', edits }],
    },
  ];
}

/** load_in_4bit, load_in_8bit: transformers asks for them before it reads quant_method. */
function takenOver(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  return ['load_in_4bit', 'load_in_8bit'].flatMap((key) => {
    const at = [...path, key];
    const node = nodeAt(root, at);
    return !node?.value
      ? []
      : [
          {
            code: 'QC004',
            path: at,
            message: `${key} makes transformers take this for a bitsandbytes config, whatever quant_method says.`,
            source: `${AUTO} :: AutoQuantizationConfig.from_dict`,
            fixes: [{ title: `Remove ${key}`, edits: [{ kind: 'remove' as const, path: at }] }],
          },
        ];
  });
}
