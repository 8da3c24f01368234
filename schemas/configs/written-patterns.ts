// The module patterns of a config as they are written, with the way the tool matches them: for findings about one of them, completion and counts.
// `source` is the same pattern as a regular expression from the start of the full module name, which recipe/module-patterns.ts looks up.
import { startAnchored } from '../recipe/module-weights.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { isObject, type JsonObject } from './fields.ts';
import { fromPython, isClassName, targetOfName } from './hf/module-patterns.ts';
import { literal, notConverted } from './hf/not-converted.ts';
import { modifiersOf } from './llm-compressor/modifiers.ts';
import { globPattern } from './modelopt/module-globs.ts';

/**
 * regex: from the start of the name (ours, DashInfer). dynamic: the same behind `+:` or `-:` (GPTQModel). transformers: from the start or the end of
 * the name. substring: anywhere in it (AutoAWQ). compressed-tensors: `re:`, a whole name or a class. glob: `*` and `?` (ModelOpt, Quark). name: one whole name (auto-round).
 */
export type PatternSyntax = 'regex' | 'dynamic' | 'transformers' | 'substring' | 'compressed-tensors' | 'glob' | 'name';

export interface WrittenPattern {
  /** As written. */
  readonly text: string;
  readonly syntax: PatternSyntax;
  /** ignore: stays in floating point; settings: has its own; targets: is quantized. */
  readonly use: 'ignore' | 'settings' | 'targets';
  /** Of the list's element, or of the member whose key it is. */
  readonly path: JsonPath;
  readonly isKey: boolean;
  /** Null: a class name, which is no name of a module, or no regular expression. */
  readonly source: string | null;
}

const LISTS: Readonly<Record<string, PatternSyntax>> = {
  ignore: 'compressed-tensors',
  modules_to_not_convert: 'transformers',
  ignored_layers: 'transformers',
  skip_modules: 'transformers',
  llm_int8_skip_modules: 'transformers',
  linear_weights_not_to_quantize: 'transformers',
  exclude_modules: 'glob',
  exclude: 'glob',
};
const MEMBERS: Readonly<Record<string, PatternSyntax>> = {
  dynamic: 'dynamic',
  overrides: 'regex',
  group_settings: 'regex',
  quantized_layers: 'glob',
  extra_config: 'name',
};

/** A pattern without any of these is the name that it says. */
export const PATTERN_SIGNS = /[\\^$*+?()[\]{}|]/;

/**
 * `format`: id of the config's format. `value`: the config object at `path`. In the order of the file. `names` false: without keys that are
 * names of modules, of which files of mixtures have tens of thousands.
 */
export function writtenPatterns(format: string, value: unknown, path: JsonPath, names = true): readonly WrittenPattern[] {
  if (!isObject(value) || format === 'olive' || format === 'deepspeed') {
    return [];
  }
  const cache = names ? withNames : withoutNames;
  const ready = cache.get(value);
  if (ready?.format === format) {
    return ready.patterns;
  }
  const patterns = read(format, value, path, names);
  cache.set(value, { format, patterns });
  return patterns;
}

/** Several rules ask for the patterns of one config. */
type Known = WeakMap<JsonObject, { readonly format: string; readonly patterns: readonly WrittenPattern[] }>;
const withNames: Known = new WeakMap();
const withoutNames: Known = new WeakMap();

function read(format: string, value: JsonObject, path: JsonPath, names: boolean): readonly WrittenPattern[] {
  if (format === 'llm-compressor') {
    return modifiersOf(value, path).flatMap(({ fields, path: place }) => read('modifier', fields.value, place, names));
  }
  return Object.keys(value).flatMap((key) => {
    const own = value[key];
    const list = Object.hasOwn(LISTS, key) && Array.isArray(own) ? LISTS[key] : undefined;
    if (list !== undefined && Array.isArray(own)) {
      return patternsOf(own, syntaxOf(key, list, format), 'ignore', [...path, key]);
    }
    const member = Object.hasOwn(MEMBERS, key) ? MEMBERS[key] : undefined;
    if (member !== undefined && isObject(own)) {
      if (!names && (member === 'glob' || member === 'name')) {
        return [];
      }
      const holder = [...path, key];
      return Object.keys(own).map((text) => new Written(text, member, text.startsWith('-:') ? 'ignore' : 'settings', holder, text));
    }
    if (key === 'targets' && format === 'modifier' && Array.isArray(own)) {
      return patternsOf(own, 'compressed-tensors', 'targets', [...path, key]);
    }
    return key === 'config_groups' && isObject(own) ? targetsOf(own, [...path, key]) : [];
  });
}

/** The pattern as a regular expression from the start of the name. Null: it names a class, or does not compile. */
export function sourceOf(text: string, syntax: PatternSyntax): string | null {
  const source = translated(text, syntax);
  return source === null || startAnchored(source) === null ? null : source;
}

/** The regular expression inside a pattern, where its syntax has one; null: plain text. */
export function regexPart(text: string, syntax: PatternSyntax): string | null {
  switch (syntax) {
    case 'regex':
      return text;
    case 'dynamic':
      return text.replace(/^[+-]:/, '');
    case 'compressed-tensors':
    case 'glob':
      return text.startsWith('re:') ? text.slice(3) : null;
    case 'transformers':
      return /[\\^$*+?()[\]{}|]/.test(text) ? text : null;
    case 'substring':
    case 'name':
      return null;
  }
}

function translated(text: string, syntax: PatternSyntax): string | null {
  switch (syntax) {
    case 'regex':
      return text;
    case 'dynamic':
      return fromPython(text.replace(/^[+-]:/, ''));
    case 'compressed-tensors':
      return targetOfName(text);
    case 'glob':
      return globPattern(text);
    case 'transformers':
      return notConverted([text])[0] ?? null;
    case 'substring':
      return `.*${literal(text)}`;
    case 'name':
      return `${literal(text)}$`;
  }
}

function targetsOf(groups: JsonObject, path: JsonPath): readonly WrittenPattern[] {
  return Object.entries(groups).flatMap(([name, group]) => {
    const targets = isObject(group) ? group['targets'] : group;
    const at = isObject(group) ? [...path, name, 'targets'] : [...path, name];
    return Array.isArray(targets) ? patternsOf(targets, 'compressed-tensors', 'targets', at) : [];
  });
}

function patternsOf(list: readonly unknown[], syntax: PatternSyntax, use: WrittenPattern['use'], path: JsonPath): readonly WrittenPattern[] {
  return list.flatMap((text, index) => (typeof text === 'string' ? [new Written(text, syntax, use, path, index)] : []));
}

/** Files of mixtures have tens of thousands: places and expressions are made when they are asked for. */
class Written implements WrittenPattern {
  readonly text: string;
  readonly syntax: PatternSyntax;
  readonly use: WrittenPattern['use'];
  readonly isKey: boolean;
  readonly #holder: JsonPath;
  readonly #step: string | number;

  constructor(text: string, syntax: PatternSyntax, use: WrittenPattern['use'], holder: JsonPath, step: string | number) {
    this.text = text;
    this.syntax = syntax;
    this.use = use;
    this.isKey = typeof step === 'string';
    this.#holder = holder;
    this.#step = step;
  }

  get path(): JsonPath {
    return [...this.#holder, this.#step];
  }

  get source(): string | null {
    return this.syntax === 'compressed-tensors' && isClassName(this.text) ? null : sourceOf(this.text, this.syntax);
  }
}

function syntaxOf(key: string, usual: PatternSyntax, format: string): PatternSyntax {
  if (key === 'ignore') {
    return format === 'quantwright' ? 'regex' : /modelopt|tensorrt/.test(format) ? 'glob' : usual;
  }
  return format === 'awq-quant-config' ? 'substring' : usual;
}
