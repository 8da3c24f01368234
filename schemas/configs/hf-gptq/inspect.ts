// Where a quantization_config stands and what stands beside it: mistakes the config's own schema cannot see.
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { PlaceProblem } from '../config-format.ts';

/** text_config: runtimes look at the top of the file only. load_in_4bit / load_in_8bit: transformers then ignores quant_method. */
export function inspectPlace(root: ConfigNode, path: JsonPath): readonly PlaceProblem[] {
  const problems: PlaceProblem[] = [];
  const config = nodeAt(root, path);
  if (path[0] === 'text_config' && config !== null && nodeAt(root, ['quantization_config']) === null) {
    problems.push({
      code: 'QC004',
      path,
      message: 'quantization_config under text_config is not seen by most runtimes; they read it at the top of config.json.',
      fixes: [
        {
          title: 'Move quantization_config to the top',
          edits: [
            { kind: 'set', path: ['quantization_config'], value: config.value },
            { kind: 'remove', path },
          ],
        },
      ],
    });
  }
  for (const key of ['load_in_4bit', 'load_in_8bit']) {
    const node = nodeAt(root, [...path, key]);
    if (node?.value) {
      problems.push({
        code: 'QC004',
        path: [...path, key],
        message: `${key} makes transformers take this for a bitsandbytes config, whatever quant_method says.`,
        fixes: [{ title: `Remove ${key}`, edits: [{ kind: 'remove', path: [...path, key] }] }],
      });
    }
  }
  return problems;
}
