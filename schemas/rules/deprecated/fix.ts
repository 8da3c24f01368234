// An old name becomes the new one, unless that stands there too; a dropped key goes.
import type { Fix } from '../../check/finding.ts';
import { removeFix, renameFix } from '../../configs/fixes.ts';
import { nodeAt } from '../../document/find.ts';
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';

export function deprecatedFixes(path: JsonPath, alias: string | null, root: ConfigNode | null): readonly Fix[] {
  const taken = alias !== null && nodeAt(root, [...path.slice(0, -1), alias]) !== null;
  return [alias === null || taken ? removeFix(path) : renameFix(path, alias)];
}
