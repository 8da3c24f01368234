// Ratios and errors as tables show them.

/** Infinite where nothing differs. */
export function decibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : value > 0 ? 'equal' : '-inf';
}

export function short(value: number): string {
  const magnitude = Math.abs(value);
  return value === 0 ? '0' : magnitude >= 1e-3 && magnitude < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

/** JSON has no infinity: the largest number stands for it, as in the run store. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, (_key, member: unknown) => (typeof member === 'number' && !Number.isFinite(member) && !Number.isNaN(member) ? Math.sign(member) * Number.MAX_VALUE : member), 2)}\n`;
}
