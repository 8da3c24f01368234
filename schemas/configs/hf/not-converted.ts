// Module lists of quantization configs (modules_to_not_convert, exclude_modules ...) -> regular expressions of a Recipe's `ignore`.

/**
 * As transformers matches them: a regular expression from the start of the module's name, or its end taken literally.
 * Source: huggingface/transformers src/transformers/quantizers/quantizers_utils.py :: should_convert_module
 */
export function notConverted(names: readonly string[]): readonly string[] {
  return names.map((name) => {
    const end = `.*${literal(name)}$`;
    return name === '' ? '$^' : isPattern(name) ? `(?:${name})|${end}` : `${literal(name)}|${end}`;
  });
}

/** Text that a regular expression matches as it stands. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
