// The YAML reader: the tree of JSON from another language, for every text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeAt, rangeAt } from './find.ts';
import { parseJson } from './json.ts';
import type { ConfigNode } from './node.ts';
import { parseYaml } from './yaml.ts';

const RECIPE = `# recipe
default_stage:
  default_modifiers:
    GPTQModifier:
      ignore: ["lm_head", 're:.*gate']
      dampening_frac: 0.01 # small
      actorder:
      scheme: &scheme W4A16
      again: *scheme
`;

function textAt(path: readonly (string | number)[], on: 'value' | 'key' = 'value'): string {
  const { start, end } = rangeAt(parseYaml(RECIPE).root, path, on);
  return RECIPE.slice(start, end);
}

test('a block with its values, each where it stands', () => {
  const { root, problems, language } = parseYaml(RECIPE);
  assert.equal(language, 'yaml');
  assert.deepEqual(problems, []);
  const modifier = { ignore: ['lm_head', 're:.*gate'], dampening_frac: 0.01, actorder: null, scheme: 'W4A16', again: 'W4A16' };
  assert.deepEqual(root?.value, { default_stage: { default_modifiers: { GPTQModifier: modifier } } });
  const at = ['default_stage', 'default_modifiers', 'GPTQModifier'];
  assert.equal(textAt([...at, 'dampening_frac']), '0.01');
  assert.equal(textAt([...at, 'dampening_frac'], 'key'), 'dampening_frac');
  assert.equal(textAt([...at, 'ignore', 1]), "'re:.*gate'");
  assert.equal(textAt([...at, 'again']), '*scheme');
  assert.equal(textAt([...at, 'actorder']), 'actorder');
});

test('an alias means the last anchor of its name above it', () => {
  assert.deepEqual(parseYaml('a: &x 1\nb: *x\nc: &x 2\nd: *x\n').root?.value, { a: 1, b: 1, c: 2, d: 2 });
});

test('words of YAML 1.1 are strings, words of 1.2 are values', () => {
  assert.deepEqual(parseYaml('a: yes\nb: true\nc: ~\nd: 0x10\ne: 1e3').root?.value, { a: 'yes', b: true, c: null, d: 16, e: 1000 });
});

test('of equal keys the last one counts, and both are in the tree', () => {
  const { root } = parseYaml('bits: 4\nbits: 8\n');
  assert.deepEqual(root?.value, { bits: 8 });
  assert.equal(root?.children.length, 2);
  assert.equal(nodeAt(root, ['bits'])?.value, 8);
});

test('damage is told where it is, and the rest is read', () => {
  const { root, problems } = parseYaml('bits: 4\nignore: [lm_head\ngroup_size: 128\n');
  assert.equal(Reflect.get(Object(root?.value), 'bits'), 4);
  assert.ok(problems.length > 0);
  assert.ok(problems.every(({ message }) => !message.includes('\n') && message.endsWith('.')));
});

test('an empty text, or one of comments, has no root', () => {
  assert.equal(parseYaml('').root, null);
  assert.equal(parseYaml('# nothing\n').root, null);
});

test('nesting and unfolding beyond any config are cut off', () => {
  for (const text of ['['.repeat(50_000), `${'- '.repeat(300)}x`, `a: &a [x, x]\n${unfolding(30)}`, 'a: &a [*a, *a]']) {
    const { problems } = parseYaml(text);
    assert.match(problems.map(({ message }) => message).join(' '), /Nested deeper than/);
  }
});

test('JSON is read as the JSON reader reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 2), (json, space) => {
      const text = JSON.stringify(JSON.parse(json), null, space);
      const { root, problems } = parseYaml(text);
      assert.deepEqual(problems, []);
      assert.deepEqual(root?.value, parseJson(text).root?.value);
      checkRanges(root, text.length);
    }),
    { numRuns: 500 },
  );
});

test('no text makes the reader throw, and its ranges stay inside the text', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'a: ',
      '- ',
      '\n',
      '  ',
      '\t',
      '{',
      '}',
      '[',
      ']',
      ', ',
      ': ',
      '? ',
      '&x ',
      '*x',
      '!!str ',
      '|',
      '>-',
      '#',
      '"',
      "'",
      '---\n',
      '...',
      '<<: ',
      '%YAML 1.1\n',
    ),
    fc.string({ maxLength: 3, unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const { root, problems } = parseYaml(text);
      checkRanges(root, text.length);
      for (const { range } of problems) {
        assert.ok(range.start >= 0 && range.start <= range.end && range.end <= text.length, JSON.stringify({ text, range }));
      }
    }),
    { numRuns: 2000 },
  );
});

/** Anchors that each name the one above twice. */
function unfolding(levels: number): string {
  const names = [...'bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].slice(0, levels);
  return names.map((name, index) => `${name}: &${name} [*${index === 0 ? 'a' : names[index - 1]}, *${index === 0 ? 'a' : names[index - 1]}]\n`).join('');
}

function checkRanges(node: ConfigNode | null, length: number): void {
  for (const { range, keyRange, parent, children } of node === null ? [] : [node, ...node.children]) {
    for (const { start, end } of keyRange === null ? [range] : [range, keyRange]) {
      assert.ok(start >= 0 && start <= end && end <= length);
    }
    assert.ok(children.every((child) => child.parent !== null) && (parent === null || parent.children.length > 0));
  }
  for (const child of node?.children ?? []) {
    checkRanges(child, length);
  }
}
