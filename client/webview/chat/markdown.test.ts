import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown } from './markdown.ts';

test('raw HTML of an answer becomes text', () => {
  const html = renderMarkdown('<img src=x onerror=alert(1)> <script>alert(2)</script>');
  assert.doesNotMatch(html, /<img|<script/);
  assert.match(html, /&lt;script&gt;/);
});

test('script links are not links', () => {
  assert.doesNotMatch(renderMarkdown('[x](javascript:alert(1))'), /href/);
});

test('images are not loaded', () => {
  assert.doesNotMatch(renderMarkdown('![x](https://example.org/x.png)'), /<img/);
});

test('a code block carries its language, its text and a copy button', () => {
  const html = renderMarkdown('```json\n{ "a": "<b>" }\n```');
  assert.match(html, /<span class="language">json<\/span>/);
  assert.match(html, /<button type="button" class="copy"/);
  assert.match(html, /<code>\{ &quot;a&quot;: &quot;&lt;b&gt;&quot; \}\n<\/code>/);
});

test('a language name cannot break out of its element', () => {
  assert.doesNotMatch(renderMarkdown('```"><img/src=x\nx\n```'), /<img/);
});

test('a code block whose end has not arrived yet is a code block already', () => {
  assert.match(renderMarkdown('```\nhalf'), /<pre/);
});
