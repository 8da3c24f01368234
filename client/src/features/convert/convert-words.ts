// A conversion as a row of the quick pick: what it makes, and what it loses. Pure.

export interface ConversionWords {
  readonly label: string;
  readonly detail: string;
  readonly loses: boolean;
}

/** `data`: what the language server sends with the action ({ losses: string[] }); the title carries the losses too, for editors without this command. */
export function conversionItem(title: string, data: unknown): ConversionWords {
  const losses = lossesOf(data);
  const label = title.replace(/ \((?:loses|\d+ settings are lost): .*\)$/s, '');
  return { label, detail: losses.length === 0 ? 'Nothing is lost.' : losses.join(' '), loses: losses.length > 0 };
}

function lossesOf(data: unknown): readonly string[] {
  const losses = typeof data === 'object' && data !== null && 'losses' in data ? data.losses : [];
  return Array.isArray(losses) ? losses.filter((loss) => typeof loss === 'string') : [];
}
