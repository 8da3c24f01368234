// `layer_wise.memory_limit`: bytes, or a number with a unit (2GiB, 512 MB).

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
};

/** Null for anything that is no positive size. */
export function readMemory(value: unknown): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '');
  const unit = UNITS[(match?.[2] ?? '?').toLowerCase()];
  const bytes = match === null || unit === undefined ? 0 : Math.floor(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}
