// The one script of the report: buttons in the heads of sortable tables. Its hash stands in the page's content security policy, so no other script runs in it.

/** SHA-256 of the script, base64; report.test.ts says what it must be. */
export const scriptHash = 'PMAsLzTBA55SeQ80FBEXMsJpVJPYJpUQrtbSE1+IZAA=';

export const script = `
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector('button')?.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'ascending';
    for (const other of heads) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    const numbers = head.dataset.sorts === 'number';
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!numbers) return (down ? -1 : 1) * x.localeCompare(y, undefined, { numeric: true });
      const [m, n] = [Number(x), Number(y)];
      if (Number.isNaN(m) || Number.isNaN(n)) return Number(Number.isNaN(m)) - Number(Number.isNaN(n));
      return down ? n - m : m - n;
    });
    table.tBodies[0].append(...rows);
  }));
}
`;
