// The last gate before markdown becomes elements: only what our renderer makes for text may pass.
import DOMPurify from 'dompurify';

const allowed = {
  ALLOWED_TAGS: [
    'a',
    'b',
    'blockquote',
    'br',
    'button',
    'code',
    'del',
    'div',
    'em',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'hr',
    'li',
    'ol',
    'p',
    'pre',
    's',
    'span',
    'strong',
    'table',
    'tbody',
    'td',
    'th',
    'thead',
    'tr',
    'ul',
  ],
  ALLOWED_ATTR: ['href', 'title', 'class', 'type', 'aria-label', 'tabindex', 'start'],
  ALLOWED_URI_REGEXP: /^https?:/i,
};

export function sanitise(html: string): string {
  return DOMPurify.sanitize(html, allowed);
}
