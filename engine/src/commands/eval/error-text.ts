// Ratios and errors as tables show them.
import { finite } from '../../runs/store.ts';

/** Infinite where nothing differs. */
export function decibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : value > 0 ? 'equal' : '-inf';
}

export function short(value: number): string {
  const magnitude = Math.abs(value);
  return value === 0 ? '0' : magnitude >= 1e-3 && magnitude < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

/** Infinite numbers as the run store has them. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, finite, 2)}\n`;
}
