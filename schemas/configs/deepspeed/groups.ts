// The sections of compression_training: what holds for all groups, and the groups.
import { type Fields, fieldsOf } from '../fields.ts';

export interface Group {
  readonly name: string;
  readonly params: Fields;
  /** Patterns that module names are searched for; all modules where the config names none. */
  readonly modules: readonly string[];
}

export function sharedOf(value: unknown, section: string): Fields {
  return fieldsOf(fieldsOf(fieldsOf(value, []).object(section), []).object('shared_parameters'), []);
}

export function groupsOf(value: unknown, section: string): readonly Group[] {
  const groups = fieldsOf(fieldsOf(value, []).object(section), []).object('different_groups') ?? {};
  return Object.entries(groups).map(([name, group]) => {
    const fields = fieldsOf(group, []);
    return { name, params: fieldsOf(fields.object('params'), []), modules: Object.hasOwn(fields.value, 'modules') ? fields.texts('modules') : ['*'] };
  });
}

/** Sections that are there and change nothing. */
export function disabledSections(value: unknown): readonly string[] {
  const sections = fieldsOf(value, []);
  return Object.keys(sections.value).filter((key) => {
    const on = key === 'layer_reduction' ? fieldsOf(sections.object(key), []).boolean('enabled') : sharedOf(value, key).boolean('enabled');
    return on !== true;
  });
}
