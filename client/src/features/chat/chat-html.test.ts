import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatHtml } from './chat-html.ts';

const html = chatHtml({ cspSource: 'https://res', nonce: 'n0nce', script: 's.js', style: 's.css', codicons: 'c.css' });

test('nothing loads but what the policy names, and scripts only with the nonce', () => {
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  assert.match(policy, /^default-src 'none'/);
  assert.match(policy, /script-src 'nonce-n0nce'/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('every script of the document carries the nonce', () => {
  const scripts = html.match(/<script[^>]*>/g) ?? [];
  assert.equal(scripts.length, 1);
  assert.ok(scripts.every((tag) => tag.includes('nonce="n0nce"')));
});

test('the document says which view it is', () => {
  assert.match(html, /<html[^>]* data-view="quantwright\.chat"/);
});
