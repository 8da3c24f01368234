// Default name of the directory a quantized model is written to: `<model>-<method>`. Pure.
import { basename } from 'node:path';

export function outputName(modelDir: string, configText: string): string {
  return `${basename(modelDir)}-${methodIn(configText)}`;
}

/** What is wrong with a folder name the user typed; undefined when it can be used. */
export function folderNameProblem(name: string): string | undefined {
  const trimmed = name.trim();
  if (trimmed === '') return 'Give the output folder a name.';
  if (trimmed === '.' || trimmed === '..' || /[/\\:*?"<>|]/.test(trimmed)) return 'A folder name, without / \\ : * ? " < > |';
  return undefined;
}

/** Looked up in the text rather than parsed: a config may hold comments, and the engine is the one that judges it. */
function methodIn(configText: string): string {
  const method = /"quant_method"\s*:\s*(?:"([\w-]+)"|\[([^\]]*)\])/.exec(configText);
  const name = method?.[1] ?? method?.[2]?.replace(/["\s]/g, '').replaceAll(',', '+') ?? 'quantized';
  const format = /"weight_format"\s*:\s*"(\w+)"/.exec(configText)?.[1] ?? bitsIn(configText);
  return format === undefined ? name : `${name}-${format}`;
}

function bitsIn(configText: string): string | undefined {
  const bits = /"bits"\s*:\s*(\d+)/.exec(configText)?.[1];
  return bits === undefined ? undefined : `${bits}bit`;
}
