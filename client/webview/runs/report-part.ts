// The report inside the view: its HTML, its own style sheet and the script of its tables. Links lead to places of the view and take the focus there.
import { script } from '@quantwright/schemas/report/script';
import { style } from '@quantwright/schemas/report/style';

/** The document takes the report's looks, which are the theme's colours. */
export function adoptReportStyle(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
}

/** `html`: made by the report's escaping templates. Does nothing when `place` shows it already, so that focus, scrolling and open parts stay. */
export function showReport(place: Element, html: string, shown: string | null): void {
  if (html === shown) return;
  const open = new Set([...place.querySelectorAll('details')].filter((part) => part.open).map(detailsName));
  const begun = shown !== null;
  place.innerHTML = html;
  if (begun) for (const part of place.querySelectorAll('details')) part.open = open.has(detailsName(part));
  // A script in innerHTML never runs; the view's policy lets this one run by its hash.
  const element = document.createElement('script');
  element.textContent = script;
  place.append(element);
}

/** The editor would open such a link of a drawing as an address. */
export function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
  const target = document.getElementById(link?.getAttribute('href')?.slice(1) ?? '');
  if (link === null || target === null) return;
  event.preventDefault();
  event.stopPropagation();
  target.scrollIntoView({ block: 'start' });
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

function detailsName(part: HTMLDetailsElement): string {
  return `${part.closest('section')?.id} ${part.querySelector('summary')?.textContent}`;
}
