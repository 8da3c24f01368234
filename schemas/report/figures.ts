// Numbers as the report writes them. The store keeps infinity as the largest number there is.

const infinite = 1e300;

export function fixed(value: number, digits: number): string {
  if (Math.abs(value) >= infinite) return value > 0 ? '∞' : '-∞';
  if (value !== 0 && Math.abs(value) < 10 ** -digits / 2) return value.toExponential(2);
  return Math.abs(value) >= 1e6 ? value.toExponential(3) : value.toFixed(digits);
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
}

export function seconds(value: number): string {
  if (value < 60) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export function isFigure(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) < infinite;
}
