// Version ranges of support rules: `>=2.0`, `>=0.9 <0.14`. Numbers compare part by part.

/** No version is taken for the newest, which no upper bound includes; no range is every version. */
export function inRange(version: string | null, range: string | null): boolean {
  if (range === null) {
    return true;
  }
  if (version === null) {
    return range.split(/\s+/).every((bound) => bound.startsWith('>'));
  }
  return range.split(/\s+/).every((bound) => {
    const match = /^(>=|<=|>|<|=)?(\d[\w.]*)$/.exec(bound);
    const order = match === null ? 0 : compare(version, match[2] ?? '');
    switch (match?.[1]) {
      case '>=':
        return order >= 0;
      case '<=':
        return order <= 0;
      case '>':
        return order > 0;
      case '<':
        return order < 0;
      default:
        return order === 0;
    }
  });
}

function compare(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}
