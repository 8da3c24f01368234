import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { everyCodePoint, has, utf8, without } from './code-points.ts';
import { jsonObjectGrammar, schemaGrammar } from './json-schema.ts';
import { patternGrammar } from './pattern.ts';
import { accepts, constraintOf, randomText, recognizerOf } from './testing.ts';

const encoder = new TextEncoder();
const allowedIn = (mask: Int32Array, id: number): boolean => (((mask[id >> 5] ?? 0) >> (id & 31)) & 1) === 1;

test('a mask allows the tokens whose bytes can follow, one by one, and no others', () => {
  const grammars = [
    jsonObjectGrammar,
    schemaGrammar({ type: 'array', items: { enum: ['ab', 'a', 12, 1] } }),
    schemaGrammar({ type: 'object', properties: { a: { type: 'string', maxLength: 2 } }, additionalProperties: { type: 'integer', maximum: 40 } }),
  ];
  const piece = fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', 'a', 'b', '1', '2', ' ', '\\', 'é'), minLength: 1, maxLength: 4 });
  const tokens = fc.array(
    fc.oneof(
      piece.map((text) => encoder.encode(text)),
      fc.uint8Array({ minLength: 1, maxLength: 2 }),
      fc.constant(new Uint8Array()),
    ),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...grammars), tokens, fc.infiniteStream(fc.nat()), (grammar, vocabulary, numbers) => {
      const end = vocabulary.length;
      const constraint = constraintOf(grammar, [...vocabulary, new Uint8Array()], new Set([end]));
      const recognizer = recognizerOf(grammar);
      let [state, plain] = [constraint.start, recognizer.start];
      for (let step = 0; step < 8; step++) {
        const mask = constraint.mask(state);
        const open: number[] = [];
        for (const [id, bytes] of vocabulary.entries()) {
          let at = plain;
          for (const byte of bytes) if (at >= 0) at = recognizer.next(at, byte);
          const possible = bytes.length > 0 && at >= 0;
          assert.equal(allowedIn(mask, id), possible, `token ${id}`);
          assert.equal(constraint.next(state, id) >= 0, possible);
          if (possible) open.push(id);
        }
        assert.equal(allowedIn(mask, end), recognizer.accepts(plain));
        assert.equal(constraint.finished(state), recognizer.accepts(plain) && !recognizer.continues(plain));
        const id = open[Number(numbers.next().value) % Math.max(1, open.length)];
        if (id === undefined) break;
        for (const byte of vocabulary[id] ?? []) plain = recognizer.next(plain, byte);
        state = constraint.next(state, id);
      }
    }),
  );
});

test('UTF-8 of a set of code points spells the set', () => {
  const ranges = fc.array(
    fc.tuple(fc.nat(0x10ffff), fc.nat(5000)).map(([low, size]) => [low, Math.min(low + size, 0x10ffff)] as const),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(ranges, fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), { maxLength: 20 }), (set, others) => {
      const recognizer = recognizerOf(utf8(without(everyCodePoint, without(everyCodePoint, set))));
      const near = set.flatMap(([low, high]) => [low - 1, low, high, high + 1]).filter((point) => has(everyCodePoint, point));
      for (const point of [...near, ...others.map((text) => text.codePointAt(0) ?? 0).filter((value) => has(everyCodePoint, value))]) {
        assert.equal(accepts(recognizer, String.fromCodePoint(point)), has(set, point), `U+${point.toString(16)}`);
      }
    }),
  );
});

test('patterns write what matches them, and take what does', () => {
  const patterns = [
    '^a+b*$',
    '^(?:ab|c)?d$',
    'x.y',
    '^[^"a-c]{1,2}$',
    '^\\w+\\s\\W$',
    '^\\u00e9|z$',
    '^[\\d.\\]-]{2}$',
    '^(?<n>q){2}$',
    '^\\x41\\n?$',
    '^$',
    'a|^b',
    '^[☕-☗]\\S*?$',
  ];
  const sample = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', 'd', 'x', 'y', 'z', 'q', '"', '.', ']', '-', '1', ' ', '\n', 'é', 'A', '☕', '_'),
    maxLength: 5,
  });
  for (const pattern of patterns) {
    const recognizer = recognizerOf(patternGrammar(pattern));
    const expression = new RegExp(pattern, 'u');
    fc.assert(
      fc.property(sample, fc.infiniteStream(fc.nat()), (text, numbers) => {
        assert.equal(accepts(recognizer, JSON.stringify(text).slice(1, -1)), expression.test(text), `${pattern} and ${JSON.stringify(text)}`);
        const written = randomText(recognizer, (ways) => Number(numbers.next().value) % ways, 30);
        if (written !== null) assert.match(JSON.parse(`"${written}"`), expression);
      }),
      { numRuns: 60 },
    );
  }
});
