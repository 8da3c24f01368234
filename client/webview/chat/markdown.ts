// Markdown of an answer to HTML text. Raw HTML and images of the model are shown as text, never as elements; the caller sanitises all the same.
import MarkdownIt from 'markdown-it';

// The answers of a small model are plain: no typographer, links only where they are written out.
const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false });
markdown.disable('image');
markdown.renderer.rules['fence'] = (tokens, index) => {
  const token = tokens[index];
  return token === undefined ? '' : codeBlock(token.content, token.info.trim().split(/\s+/)[0] ?? '');
};
markdown.renderer.rules['code_block'] = (tokens, index) => codeBlock(tokens[index]?.content ?? '', '');

export function renderMarkdown(text: string): string {
  return markdown.render(text);
}

/** A block with its language and a Copy button; the view listens for clicks on `button.copy`. */
function codeBlock(code: string, language: string): string {
  const { escapeHtml } = markdown.utils;
  return (
    `<div class="code"><div class="code-bar"><span class="language">${escapeHtml(language)}</span>` +
    `<button type="button" class="copy" aria-label="Copy code">Copy</button></div><pre tabindex="0"><code>${escapeHtml(code)}</code></pre></div>\n`
  );
}
