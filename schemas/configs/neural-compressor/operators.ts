// The settings of weights, and of what operators read, in op_type_dict and op_name_dict. A value may stand alone or in a list of candidates; the first one counts here.
import type { JsonPath } from '../../recipe/origin.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';

export interface OperatorSettings {
  /** The regular expression, or class, of the operators. */
  readonly pattern: string;
  readonly byName: boolean;
  readonly path: JsonPath;
  readonly fields: Fields;
}

export function operatorWeights(config: unknown, path: JsonPath): readonly OperatorSettings[] {
  return settingsOf('weight', config, path);
}

function settingsOf(part: 'weight' | 'activation', config: unknown, path: JsonPath): readonly OperatorSettings[] {
  return (['op_type_dict', 'op_name_dict'] as const).flatMap((key) =>
    Object.entries(fieldsOf(config, []).object(key) ?? {}).flatMap(([pattern, settings]) => {
      const found = fieldsOf(settings, []).object(part);
      const place = [...path, key, pattern, part];
      return found === null ? [] : [{ pattern, byName: key === 'op_name_dict', path: place, fields: fieldsOf(withoutLists(found), place) }];
    }),
  );
}

/** The first settings that quantize: fp32 and bf16 leave operators as they are. */
export function firstWeights(config: unknown, path: JsonPath): OperatorSettings | null {
  return operatorWeights(config, path).find(({ fields }) => !isFloat(fields)) ?? null;
}

/** The same of what operators read. */
export function firstActivations(config: unknown, path: JsonPath): OperatorSettings | null {
  return settingsOf('activation', config, path).find(({ fields }) => !isFloat(fields)) ?? null;
}

export function isFloat(fields: Fields): boolean {
  return ['fp32', 'bf16', 'fp16'].includes(fields.text('dtype') ?? '');
}

function withoutLists(value: unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, Array.isArray(one) ? one[0] : one])) : value;
}
