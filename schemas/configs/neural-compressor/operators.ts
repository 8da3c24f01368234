// The weight settings of op_type_dict and op_name_dict. A value may stand alone or in a list of candidates; the first one counts here.
import type { JsonPath } from '../../recipe/origin.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';

export interface OperatorWeights {
  /** The regular expression, or class, of the operators. */
  readonly pattern: string;
  readonly byName: boolean;
  readonly path: JsonPath;
  readonly fields: Fields;
}

export function operatorWeights(config: unknown, path: JsonPath): readonly OperatorWeights[] {
  return (['op_type_dict', 'op_name_dict'] as const).flatMap((key) =>
    Object.entries(fieldsOf(config, []).object(key) ?? {}).flatMap(([pattern, settings]) => {
      const weight = fieldsOf(settings, []).object('weight');
      const place = [...path, key, pattern, 'weight'];
      return weight === null ? [] : [{ pattern, byName: key === 'op_name_dict', path: place, fields: fieldsOf(withoutLists(weight), place) }];
    }),
  );
}

/** The first settings that quantize: fp32 and bf16 leave operators as they are. */
export function firstWeights(config: unknown, path: JsonPath): OperatorWeights | null {
  return operatorWeights(config, path).find(({ fields }) => !isFloat(fields)) ?? null;
}

export function isFloat(fields: Fields): boolean {
  return ['fp32', 'bf16', 'fp16'].includes(fields.text('dtype') ?? '');
}

function withoutLists(value: unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, Array.isArray(one) ? one[0] : one])) : value;
}
