import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewDocument } from './view-document.ts';

const resources = { cspSource: 'https://res', nonce: 'n0nce', script: 's.js', style: 's.css', codicons: 'c.css' };

test('nothing loads but what the policy names, and the document says which view it is', () => {
  const html = viewDocument({ ...resources, view: 'quantwright.job', title: 'Job', element: 'quantwright-job' });
  assert.match(html, /Content-Security-Policy" content="default-src 'none'; /);
  assert.doesNotMatch(html, /unsafe/);
  assert.match(html, /data-view="quantwright\.job"/);
  assert.match(html, /<quantwright-job><\/quantwright-job>/);
  assert.deepEqual(html.match(/<script[^>]*>/g), ['<script nonce="n0nce" src="s.js">']);
});
