// Test material: small changes of a JSON value, as people make them: another value, a key less, a slip in a key, a key of another tool.
import fc from 'fast-check';
import { isObject } from '../configs/fields.ts';

export interface Change {
  /** Which of the value's places, counted through; taken modulo their number. */
  readonly at: number;
  readonly kind: 'set' | 'remove' | 'slip' | 'add';
  readonly value: unknown;
  readonly key: string;
}

export const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(60),
  kind: fc.constantFrom('set', 'set', 'remove', 'slip', 'add'),
  value: fc.constantFrom<unknown>(null, true, false, -1, 0, 1, 3, 4, 8, 16, 32, 64, 96, 128, 12.5, 'x', '128', 'fp16', 'lm_head', '.*q_proj', '(', [], {}),
  key: fc.constantFrom('w_bit', 'groupsize', 'sym', 'zero_point', 'load_in_4bit', 'colour', 'act_order', 'modules_to_not_convert'),
});

export function changedValue(value: unknown, { at, kind, value: put, key }: Change): unknown {
  const places = placesOf(value);
  const place = places[at % Math.max(1, places.length)];
  return place === undefined ? value : replaced(value, place, (holder, step) => changedMember(holder, step, { kind, put, key }));
}

function changedMember(
  holder: object,
  step: string | number,
  { kind, put, key }: { readonly kind: Change['kind']; readonly put: unknown; readonly key: string },
): object {
  if (Array.isArray(holder)) {
    return kind === 'remove' ? holder.filter((_, index) => index !== step) : holder.map((one, index) => (index === step ? put : one));
  }
  const members = Object.entries(holder).flatMap(([name, one]): readonly (readonly [string, unknown])[] => {
    if (name !== String(step)) return [[name, one]];
    if (kind === 'remove') return [];
    return [kind === 'slip' ? [`${name.slice(0, -2)}${name.slice(-1)}${name.slice(-2, -1)}`, one] : kind === 'set' ? [name, put] : [name, one]];
  });
  return Object.fromEntries(kind === 'add' ? [...members, [key, put]] : members);
}

type Place = readonly (string | number)[];

function placesOf(value: unknown, path: Place = []): readonly Place[] {
  const members: readonly (readonly [string | number, unknown])[] = Array.isArray(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : [];
  return members.flatMap(([step, inner]) => [[...path, step], ...placesOf(inner, [...path, step])]);
}

function replaced(value: unknown, [step, ...rest]: Place, edit: (holder: object, step: string | number) => object): unknown {
  if (step === undefined || typeof value !== 'object' || value === null) {
    return value;
  }
  if (rest.length === 0) {
    return edit(value, step);
  }
  return Array.isArray(value)
    ? value.map((one, index) => (index === step ? replaced(one, rest, edit) : one))
    : Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === step ? replaced(one, rest, edit) : one]));
}
