import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alphaWords } from './alpha-plot.ts';
import { lossWordsOf } from './loss-plot.ts';

test('the loss is told in a sentence, with how far it is and the axis it is drawn on', () => {
  const curve = { block: 2, blocks: 8, steps: 100, result: null };
  assert.equal(lossWordsOf({ ...curve, losses: [0.4, 0.4, 0.1, 0.1] }), 'Loss of block 3 of 8 over 4 of 100 steps: from 0.400 to 0.100, 75 % less.');
  assert.match(lossWordsOf({ ...curve, losses: [1, 1e-3] }), /2 of 100 steps, on a logarithmic axis: from 1\.00 to 0\.00100/);
});

test('the best and the worst alpha are told', () => {
  const alphas = [
    { alpha: 0.4, perplexity: 19 },
    { alpha: 0.5, perplexity: 18.5 },
    { alpha: 0.6, perplexity: 18.75 },
  ];
  assert.equal(
    alphaWords({ chosen: 0.5, sequences: 16, tokens: 2048, floatPerplexity: 18.2, alphas }),
    'Perplexity on held-out text for 3 alphas: least with 0.5 (18.5000), most with 0.4 (19.0000); 18.2000 unquantized.',
  );
});
