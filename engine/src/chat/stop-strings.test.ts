import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stopFilter } from './stop-strings.ts';

test('a stop string that arrives in pieces is never shown', () => {
  const filter = stopFilter(['\nUser:']);
  assert.deepEqual(filter.push('Hello\nUs'), { text: 'Hello', stopped: false });
  assert.deepEqual(filter.push('er: more'), { text: '', stopped: true });
});

test('what only began like a stop string is shown once it went another way', () => {
  const filter = stopFilter(['END']);
  assert.equal(filter.push('the EN').text, 'the ');
  assert.equal(filter.push('d').text, 'ENd');
});

test('what was held back is shown when generation ends otherwise', () => {
  const filter = stopFilter(['END']);
  filter.push('E');
  assert.equal(filter.end(), 'E');
});

test('however a text is cut into pieces, the same is shown: all before the first stop string', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 }), { maxLength: 12 }),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), { maxLength: 3 }),
      (pieces, stops) => {
        const text = pieces.join('');
        const cuts = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
        const filter = stopFilter(stops);
        let shown = '';
        let stopped = false;
        for (const piece of pieces) {
          const step = filter.push(piece);
          shown += step.text;
          stopped = step.stopped;
          if (stopped) break;
        }
        if (!stopped) shown += filter.end();
        assert.equal(stopped, cuts.length > 0);
        // A longer stop string may complete later though it begins earlier; what is shown then ends at the one that completed first.
        if (cuts.length <= 1) assert.equal(shown, cuts.length === 0 ? text : text.slice(0, cuts[0]));
        assert.ok(text.startsWith(shown));
      },
    ),
  );
});
