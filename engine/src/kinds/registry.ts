// Every kind of coded matrix by its name. Adding one: its folder, and one line here.
import { EngineError } from '../errors.ts';
import { bcqKind } from './bcq/kind.ts';
import type { CodedKind, Kind } from './kind.ts';
import { qrazorKind } from './qrazor/kind.ts';
import { spqrKind } from './spqr/kind.ts';
import { table4Kind } from './table4/kind.ts';

const kinds: Readonly<Partial<Record<CodedKind, Kind>>> = { bcq: bcqKind, qrazor: qrazorKind, spqr: spqrKind, table4: table4Kind };

/** `name`: of a plan, or as config.json has it. `where`: the file, for people. Throws kind `checkpoint` for a name that is none. */
export function kindOf(name: string, where: string): Kind {
  const kind = Object.values(kinds).find(({ id }) => id === name);
  if (kind !== undefined) return kind;
  const known = ['affine', ...Object.keys(kinds)].join(', ');
  throw new EngineError('checkpoint', `${where}: weights of the kind ${name} cannot be read; this engine knows ${known}`, { file: where });
}
