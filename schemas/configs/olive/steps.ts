// The passes of a workflow in their order, whatever of the allowed forms they are written in.
import type { JsonPath } from '../../recipe/origin.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';
import { passNamed, QUANTIZERS, type Quantizer } from './passes.ts';

export interface Step {
  /** The object that holds `type`. */
  readonly path: JsonPath;
  /** The object that holds the settings: the same, or its `config`. */
  readonly settingsPath: JsonPath;
  readonly settings: Fields;
  readonly type: string | null;
  /** The name of `type` as Olive has it; null: not a pass of Olive. */
  readonly pass: string | null;
  readonly quantizer: Quantizer | null;
}

export function stepsOf(workflow: unknown, path: JsonPath): readonly Step[] {
  const passes = fieldsOf(workflow, path).object('passes') ?? {};
  return Object.entries(passes).flatMap(([name, written]) => {
    const place = [...path, 'passes', name];
    return Array.isArray(written) ? written.flatMap((one: unknown, index) => stepOf(one, [...place, index])) : stepOf(written, place);
  });
}

function stepOf(written: unknown, path: JsonPath): readonly Step[] {
  if (!isObject(written)) {
    return [];
  }
  const own = fieldsOf(written, path);
  const inner = own.object('config');
  const settingsPath = inner === null ? path : [...path, 'config'];
  const type = own.text('type');
  const pass = type === null ? null : passNamed(type);
  const quantizer = pass !== null && Object.hasOwn(QUANTIZERS, pass) ? (QUANTIZERS[pass] ?? null) : null;
  return [{ path, settingsPath, settings: fieldsOf(inner ?? written, settingsPath), type, pass, quantizer }];
}
