// docs/formats.md names every format, and every conversion that its examples are offered.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formats } from '../configs/registry.ts';
import { projectRoot, read } from '../testing/places.ts';
import { converters } from './converters.ts';
import { conversions } from './testing.ts';

const page = read('docs/formats.md');
const rows = new Map([...page.matchAll(/^\| `([a-z0-9-]+)` \|.*\|([^|]*)\|$/gm)].map(([, id = '', offered = '']) => [id, offered] as const));

test('every format has its row, in the order of the registry', () => {
  const ids: readonly string[] = formats.map(({ id }) => id);
  assert.deepEqual(
    [...rows.keys()].filter((id) => ids.includes(id) && page.indexOf(`| \`${id}\` |`) < page.indexOf('## Conversions')),
    ids,
  );
});

test('every conversion is described', () => {
  const conversionsPart = page.slice(page.indexOf('## Conversions'));
  for (const { id } of converters) {
    assert.ok(conversionsPart.includes(`\`${id}\``), id);
  }
});

for (const { id } of formats) {
  test(`what the examples of ${id} are converted to is in its row`, () => {
    const folder = `schemas/configs/${id}/examples/valid`;
    const names = existsSync(join(projectRoot, folder)) ? readdirSync(join(projectRoot, folder)) : [];
    const offered = new Set(names.flatMap((name) => conversions(name, read(`${folder}/${name}`)).map((one) => one.id)));
    for (const conversion of offered) {
      assert.ok(rows.get(id)?.includes(`\`${conversion}\``), `${id} -> ${conversion}`);
    }
  });
}
