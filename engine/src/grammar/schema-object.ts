// Objects of a schema: its properties in the order in which it names them, the required ones always, then others where it allows them.
import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { choice, type Grammar, nothing, repeat, rule, sequence, text } from './grammar.ts';
import type { GrammarAt } from './json-schema.ts';
import { anyObject, anyValue, colon, comma, gap, otherKey } from './json-text.ts';
import { below, schemaError } from './schema-error.ts';

interface Member {
  readonly grammar: Grammar;
  readonly required: boolean;
}

/** Where properties are named and additionalProperties is absent, others are not written: valid, and what one means. */
export function objectGrammar(schema: JsonObject, pointer: string, at: GrammarAt): Grammar {
  const { properties = {}, required = [], additionalProperties } = schema;
  if (!isJsonObject(properties)) throw schemaError(below(pointer, 'properties'), `it is ${spell(properties)}; it must be an object of schemas`);
  if (!Array.isArray(required) || !required.every((name): name is string => typeof name === 'string')) {
    throw schemaError(below(pointer, 'required'), `it is ${spell(required)}; it must be a list of property names`);
  }
  const names = Object.keys(properties);
  const unnamed = [...new Set(required)].filter((name) => !Object.hasOwn(properties, name));
  if (names.length === 0 && unnamed.length === 0 && (additionalProperties === undefined || additionalProperties === true)) return anyObject;
  const others = otherValues(additionalProperties, pointer, at);
  const [missing] = unnamed;
  if (missing !== undefined && additionalProperties === false) {
    throw schemaError(below(pointer, 'required'), `${spell(missing)} is required, but it is not among the properties and no others are allowed`);
  }
  const member = (name: string, value: Grammar): Grammar => sequence(text(JSON.stringify(name)), colon, value);
  const members: Member[] = [
    ...names.map((name) => ({ grammar: member(name, at(properties[name], below(below(pointer, 'properties'), name))), required: required.includes(name) })),
    ...unnamed.map((name) => ({ grammar: member(name, others ?? anyValue), required: true })),
  ];
  const open = others !== null && (additionalProperties !== undefined || members.length === 0);
  const other = open ? sequence(otherKey([...names, ...unnamed]), colon, others) : null;
  return sequence(text('{'), gap, fromMember(members, other));
}

/** Values of properties that are not named; null: there are none. */
function otherValues(additional: unknown, pointer: string, at: GrammarAt): Grammar | null {
  if (additional === false) return null;
  return additional === undefined ? anyValue : at(additional, below(pointer, 'additionalProperties'));
}

/** From the opening brace to the closing one. Every place exists twice: as the first that is written, and behind a comma. */
function fromMember(members: readonly Member[], other: Grammar | null): Grammar {
  const close = sequence(gap, text('}'));
  const [atFirst, behind]: [Grammar[], Grammar[]] = [[], []];
  const end = (first: boolean): Grammar => {
    if (other === null) return first ? text('}') : close;
    const more = repeat(sequence(comma, other), 0, null);
    return first ? choice(text('}'), sequence(other, more, close)) : sequence(more, close);
  };
  for (let index = members.length; index >= 0; index--) {
    for (const first of [true, false]) {
      const places = first ? atFirst : behind;
      const own = members[index];
      if (own === undefined) {
        places[index] = end(first);
        continue;
      }
      const written = sequence(...(first ? [] : [comma]), own.grammar, behind[index + 1] ?? nothing);
      const left = own.required ? nothing : (places[index + 1] ?? nothing);
      const place = choice(written, left);
      places[index] = rule(() => place);
    }
  }
  return atFirst[0] ?? nothing;
}
