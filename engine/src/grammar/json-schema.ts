// A JSON schema -> the grammar of the JSON texts that it allows. Every text of the grammar is valid; where a schema leaves a choice of spelling (order of keys,
// white space) the grammar takes part of it. What cannot be kept is refused with its place (schema-keywords.ts).
import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { choice, type Grammar, nothing, repeat, rule, sequence, text } from './grammar.ts';
import { anyArray, anyCharacter, anyInteger, anyNumber, anyObject, anyString, anyValue, comma, gap, quoted } from './json-text.ts';
import { decimalRange, integerRange, largestMagnitude } from './number-range.ts';
import { requireDisjoint } from './one-of.ts';
import { PatternError, patternGrammar } from './pattern.ts';
import { below, resolvePointer, schemaError } from './schema-error.ts';
import { countOf, isOfType, readKeywords, type TypeName } from './schema-keywords.ts';
import { objectGrammar } from './schema-object.ts';
import { stringFormats } from './string-formats.ts';

/** The grammar of the schema at a place of the document. */
export type GrammarAt = (schema: unknown, pointer: string) => Grammar;

/** Throws kind `input` for a schema that is none, and for keywords that cannot be kept. */
export function schemaGrammar(root: unknown): Grammar {
  // By place, so that references may go round in circles. All places are visited now: nothing is refused later.
  const places = new Map<string, Grammar>();
  const at: GrammarAt = (schema, pointer) => {
    const known = places.get(pointer);
    if (known !== undefined) return known;
    let compiled: Grammar = nothing;
    const place = rule(() => compiled);
    places.set(pointer, place);
    compiled = compile(schema, pointer);
    return place;
  };
  const compile = (schema: unknown, pointer: string): Grammar => {
    if (schema === true) return anyValue;
    if (schema === false) return nothing;
    if (!isJsonObject(schema)) throw schemaError(pointer, `it is ${spell(schema)}; a schema is an object, true or false`);
    const { decider, types, typed } = readKeywords(schema, pointer);
    switch (decider) {
      case '$ref':
        return reference(schema['$ref'], below(pointer, '$ref'));
      case 'const':
        return literals([schema['const']], types);
      case 'enum': {
        const values = schema['enum'];
        if (!Array.isArray(values)) throw schemaError(below(pointer, 'enum'), `it is ${spell(values)}; it must be a list of values`);
        return literals(values, types);
      }
      case 'anyOf':
      case 'oneOf':
      case 'allOf':
        return branches(schema, decider, pointer, typed);
      default:
        return typed ? choice(...types.map((type) => ofType(type, schema, pointer, types))) : anyValue;
    }
  };
  const reference = (ref: unknown, pointer: string): Grammar => {
    if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref))
      throw schemaError(pointer, `${spell(ref)} is not in this document; only references such as "#/$defs/name" can be followed`);
    const target = decodeURIComponent(ref.slice(1));
    const schema = resolvePointer(root, target);
    if (schema === undefined) throw schemaError(pointer, `there is no ${spell(ref)} in this document`);
    return at(schema, target);
  };
  const branches = (schema: JsonObject, key: 'anyOf' | 'oneOf' | 'allOf', pointer: string, typed: boolean): Grammar => {
    const own = below(pointer, key);
    const list = schema[key];
    if (typed) throw schemaError(below(pointer, 'type'), `"type" beside ${spell(key)} cannot be kept; write it into each of the schemas`);
    if (!Array.isArray(list) || list.length === 0) throw schemaError(own, `it is ${spell(list)}; it must be a list of schemas`);
    if (key === 'allOf' && list.length > 1) throw schemaError(own, 'more than one schema at once cannot be kept; write what they mean as one schema');
    if (key === 'oneOf') requireDisjoint(root, list, own);
    return choice(...list.map((branch: unknown, index) => at(branch, below(own, index))));
  };
  const ofType = (type: TypeName, schema: JsonObject, pointer: string, types: readonly TypeName[]): Grammar => {
    switch (type) {
      case 'object':
        return objectGrammar(schema, pointer, at);
      case 'array':
        return arrayGrammar(schema, pointer, at);
      case 'string':
        return stringGrammar(schema, pointer);
      case 'integer':
        return types.includes('number') ? nothing : numberGrammar(schema, pointer, true);
      case 'number':
        return numberGrammar(schema, pointer, false);
      case 'boolean':
        return choice(text('true'), text('false'));
      default:
        return text('null');
    }
  };
  return at(root, '');
}

export const jsonObjectGrammar: Grammar = anyObject;

function literals(values: readonly unknown[], types: readonly TypeName[]): Grammar {
  return choice(...values.filter((value) => isOfType(value, types)).map((value) => text(JSON.stringify(value))));
}

function stringGrammar(schema: JsonObject, pointer: string): Grammar {
  const { pattern, format } = schema;
  const least = countOf(schema, pointer, 'minLength', 0);
  const most = countOf(schema, pointer, 'maxLength', null);
  const shapes = ['pattern', 'format', 'minLength', 'maxLength'].filter((key) => schema[key] !== undefined);
  const [first, second] = shapes;
  const shaped = pattern !== undefined || format !== undefined;
  if (shaped && second !== undefined)
    throw schemaError(below(pointer, second), `${spell(second)} beside ${spell(first)} cannot be kept; say it in the pattern`);
  if (!shaped) {
    if (most !== null && most < least) throw schemaError(below(pointer, 'maxLength'), `it is ${most}, less than minLength ${least}`);
    return least === 0 && most === null ? anyString : quoted(repeat(anyCharacter, least, most));
  }
  const known = typeof format === 'string' ? stringFormats[format] : undefined;
  if (format !== undefined && known === undefined) {
    throw schemaError(below(pointer, 'format'), `${spell(format)} cannot be kept; formats that can are ${Object.keys(stringFormats).join(', ')}`);
  }
  const source = known ?? pattern;
  if (typeof source !== 'string') throw schemaError(below(pointer, 'pattern'), `it is ${spell(source)}; it must be a regular expression`);
  try {
    return quoted(patternGrammar(source));
  } catch (cause) {
    if (cause instanceof PatternError) throw schemaError(below(pointer, 'pattern'), cause.message);
    throw cause;
  }
}

function numberGrammar(schema: JsonObject, pointer: string, integers: boolean): Grammar {
  const bound = (key: string): number | null => {
    const value = schema[key];
    if (value === undefined) return null;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw schemaError(below(pointer, key), `it is ${spell(value)}; it must be a number`);
    if (!integers && (key.startsWith('exclusive') || !Number.isInteger(value))) {
      throw schemaError(below(pointer, key), `only "minimum" and "maximum" that are integers can be kept for numbers; or use type "integer"`);
    }
    return value;
  };
  const [minimum, maximum, above, under] = [bound('minimum'), bound('maximum'), bound('exclusiveMinimum'), bound('exclusiveMaximum')];
  if ([minimum, maximum, above, under].every((value) => value === null)) return integers ? anyInteger : anyNumber;
  const low = Math.max(Math.ceil(minimum ?? -largestMagnitude), above === null ? -largestMagnitude : Math.floor(above) + 1);
  const high = Math.min(Math.floor(maximum ?? largestMagnitude), under === null ? largestMagnitude : Math.ceil(under) - 1);
  if (low > high) throw schemaError(pointer, 'no number is within its bounds');
  return integers ? integerRange(low, high) : decimalRange(low, high);
}

function arrayGrammar(schema: JsonObject, pointer: string, at: GrammarAt): Grammar {
  const least = countOf(schema, pointer, 'minItems', 0);
  const most = countOf(schema, pointer, 'maxItems', null);
  if (most !== null && most < least) throw schemaError(below(pointer, 'maxItems'), `it is ${most}, less than minItems ${least}`);
  const { prefixItems = [], items } = schema;
  if (!Array.isArray(prefixItems)) throw schemaError(below(pointer, 'prefixItems'), `it is ${spell(prefixItems)}; it must be a list of schemas`);
  if (Array.isArray(items)) throw schemaError(below(pointer, 'items'), 'a list of schemas is called "prefixItems" since draft 2020-12; rename it');
  if (prefixItems.length === 0 && items === undefined && least === 0 && most === null) return anyArray;
  const element = items === undefined ? anyValue : at(items, below(pointer, 'items'));
  const first = prefixItems.map((schema: unknown, index) => at(schema, below(below(pointer, 'prefixItems'), index)));
  const close = sequence(gap, text(']'));
  /** From element `index` on, which may be the last. */
  const from = (index: number): Grammar => {
    const separator = index === 0 ? gap : comma;
    const own = first[index];
    const more = most === null || index < most;
    const end = index >= least ? (index === 0 ? sequence(gap, text(']')) : close) : nothing;
    if (own !== undefined)
      return choice(
        end,
        more
          ? sequence(
              separator,
              own,
              rule(() => from(index + 1)),
            )
          : nothing,
      );
    // Behind a prefix, elements that the schema does not describe only as far as it asks for them.
    const limit = items === undefined && first.length > 0 ? Math.max(least, index) : most;
    if (limit !== null && index >= limit) return end;
    const rest = repeat(sequence(comma, element), Math.max(0, least - index - 1), limit === null ? null : limit - index - 1);
    return choice(end, sequence(separator, element, rest, close));
  };
  return sequence(text('['), from(0));
}
