// A VS Code window as a user has it: what the journeys may do and see, in the words of the workbench. Selectors live here and nowhere
// else (VS Code 1.139). Every wait ends with an event or a change of the page; there are no fixed sleeps.
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { viewport } from './editor-browser.ts';
import { poll } from './editor-poll.ts';

/** A two-core machine that is busy with other things needs 20 s and more for the first file and the first answer of a language server. */
const slowMs = 90_000;
/** How often a command, a hover or a suggestion is asked for while the extension starts. */
const attempts = 8;

export class Workbench {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Opens `folder` in a clean window and waits until its files are listed. */
  static async open(browser: Browser, base: string, folder: string): Promise<Workbench> {
    const context = await browser.newContext({ viewport });
    context.setDefaultTimeout(slowMs);
    const page = await context.newPage();
    await page.goto(`${base}/?folder=${encodeURIComponent(folder)}`, { waitUntil: 'domcontentloaded' });
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: slowMs });
    return new Workbench(page);
  }

  /** Leaves the page first, so that the server hears of it and ends the window's extension host. */
  async close(): Promise<void> {
    await this.page.goto('about:blank').catch(() => undefined);
    await this.page.context().close();
  }

  // --- commands and quick input ---

  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible');
  }

  /** Runs a command from the palette by its full title ("Quantwright: Check Config"). Opens it again while the window still learns its extensions. */
  async run(title: string): Promise<void> {
    const row = this.quickInput.locator('.monaco-list-row', { hasText: title }).first();
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('F1');
      await this.quickInput.locator('input').first().fill(`>${title}`);
      try {
        return await row.click({ timeout: 5_000 });
      } catch (error) {
        if (attempt === attempts) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Picks the row with `text` in the quick pick, after waiting for the one with that title. */
  async pick(title: string | RegExp, text: string | RegExp): Promise<void> {
    await this.quickPickTitled(title);
    // Long lists paint only what is in view, so type what is wanted as a user does.
    if (typeof text === 'string') await this.quickInput.locator('input').first().fill(text);
    await this.quickInput.locator('.monaco-list-row', { hasText: text }).first().click();
  }

  /** Checks the rows with `texts` in a quick pick of several, unchecks the others, and confirms. */
  async pickSeveral(title: string | RegExp, texts: readonly string[]): Promise<void> {
    await this.quickPickTitled(title);
    const filter = this.quickInput.locator('input[type="text"]').first();
    for (const text of texts) {
      await filter.fill(text);
      const row = this.quickInput.locator('.monaco-list-row', { hasText: text }).first();
      await row.waitFor();
      if (!(await row.locator('[role="checkbox"], input[type="checkbox"]').first().isChecked())) await row.click();
    }
    await this.page.keyboard.press('Enter');
  }

  /** Waits for the quick pick with this title. */
  async quickPickTitled(title: string | RegExp): Promise<void> {
    await this.quickInput.locator('.quick-input-title', { hasText: title }).waitFor({ timeout: slowMs });
  }

  /** Clicks the code lens until the quick pick that it leads to is there: a click is lost while the editor lays itself out anew. */
  async useLens(text: string, leadsTo: string | RegExp): Promise<void> {
    const picker = this.quickInput.locator('.quick-input-title', { hasText: leadsTo });
    for (let attempt = 1; ; attempt++) {
      await this.editor.locator('.codelens-decoration').getByText(text, { exact: true }).first().click();
      try {
        return await picker.waitFor({ timeout: 5_000 });
      } catch (error) {
        if (attempt === attempts) throw error;
      }
    }
  }

  // --- editor ---

  /** Opens a file of the workspace through Go to File, and waits for its text. Asks again while the window still learns its files. */
  async openFile(name: string): Promise<void> {
    const row = this.quickInput.locator('.monaco-list-row', { hasText: name }).first();
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('Control+P');
      await this.quickInput.locator('input').first().fill(name);
      try {
        await row.click({ timeout: 5_000 });
        break;
      } catch (error) {
        if (attempt === attempts) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
    await this.page.locator('.tab.active', { hasText: name.split('/').pop() ?? name }).waitFor({ timeout: slowMs });
    await this.editor.locator('.view-line').first().waitFor({ timeout: slowMs });
  }

  get editor(): Locator {
    return this.page.locator('.editor-instance').first();
  }

  /** The part of a line that is painted as one token and has `text` in it. */
  token(text: string): Locator {
    return this.editor.locator('.view-line span > span', { hasText: text }).first();
  }

  squiggle(severity: 'error' | 'warning' | 'info'): Locator {
    return this.editor.locator(`.squiggly-${severity}`);
  }

  /** Puts the cursor behind the first `wanted` of a document whose text is `text`. */
  async placeCursorAfter(wanted: string, text: string): Promise<void> {
    const before = text.slice(0, text.indexOf(wanted) + wanted.length).split('\n');
    const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1];
    await this.page.keyboard.press('Control+G');
    await this.quickInput.locator('input').first().fill(`:${line}:${column}`);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.statusbar-item', { hasText: `Ln ${line}, Col ${column}` }).waitFor();
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('Control+S');
    await this.page.locator('.tab.active:not(.dirty)').waitFor();
  }

  /** Rows of the suggestion list at the cursor once one of them says `text`; asked for, when typing has not opened it. */
  async suggestions(text: string | RegExp): Promise<Locator> {
    const rows = this.page.locator('.suggest-widget.visible .monaco-list-row');
    const wanted = rows.filter({ hasText: text }).first();
    for (let attempt = 1; ; attempt++) {
      try {
        await wanted.waitFor({ timeout: 5_000 });
        break;
      } catch (error) {
        if (attempt === attempts) throw error;
      }
      // What is open may be the editor's own list of words, from before the language server was there.
      if (await rows.first().isVisible()) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('Control+Space');
    }
    return rows;
  }

  /** The entry of the light bulb's menu that says `text`, for the place of the cursor; asked for until the menu has it. */
  async quickFix(text: string | RegExp): Promise<Locator> {
    const fix = this.page.locator('.action-widget .monaco-list-row', { hasText: text }).first();
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('Control+.');
      try {
        await fix.waitFor({ timeout: 5_000 });
        return fix;
      } catch (error) {
        if (attempt === attempts) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** The hover with `text` in it, over the token that holds `token`. Points again when the language server was not there yet. */
  async hover(token: string, text: string | RegExp): Promise<Locator> {
    const hover = this.page.locator('.monaco-hover:visible', { hasText: text }).first();
    for (let attempt = 1; ; attempt++) {
      await this.page.locator('.statusbar').hover();
      await this.token(token).hover();
      try {
        await hover.waitFor({ timeout: 5_000 });
        return hover;
      } catch (error) {
        if (attempt === attempts) throw error;
      }
    }
  }

  // --- Problems ---

  async showProblems(): Promise<void> {
    if (!(await this.page.locator('.markers-panel').isVisible())) await this.page.keyboard.press('Control+Shift+M');
    await this.page.locator('.markers-panel').waitFor();
  }

  problem(text: string | RegExp): Locator {
    return this.page.locator('.markers-panel .monaco-list-row', { hasText: text });
  }

  // --- notifications and status bar ---

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
  }

  /**
   * Runs a command that answers with a notification, and waits for it on a clean slate. Runs it again when the toast does not come: the
   * editor shows no toast beyond the third within 800 ms (its protection against spam), and a row of the palette may move under the mouse.
   */
  async runAndHear(title: string, text: string | RegExp): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.clearNotifications();
      await this.run(title);
      try {
        return await this.notification(text).waitFor({ timeout: 15_000 });
      } catch (error) {
        if (attempt === attempts) throw error;
      }
    }
  }

  /** Takes away the notifications that were read, which would lie over what comes next. */
  async clearNotifications(): Promise<void> {
    await this.run('Notifications: Clear All Notifications');
    await this.page.locator('.notifications-toasts .notification-list-item').first().waitFor({ state: 'detached' });
  }

  /** Drags the edge of the side bar until it is `width` pixels wide, or as near as the window allows. */
  async resizeSideBar(width: number): Promise<void> {
    const box = await this.page.locator('.part.sidebar').boundingBox();
    if (box === null) throw new Error('the side bar is not open');
    const [x, y] = [box.x + box.width, box.y + box.height / 2];
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + width, y, { steps: 5 });
    await this.page.mouse.up();
  }

  /** A status bar item by its id ("quantwright.target"). VS Code prefixes it with the extension's own. */
  statusItem(id: string): Locator {
    return this.page.locator(`.statusbar-item[id$="${id}"]`);
  }

  // --- webviews ---

  /** The document of our webview that says <html data-view="ID">. A hidden view's document is gone, so look it up again. */
  webview(id: string, timeoutMs = slowMs): Promise<Frame> {
    return poll(
      `the webview ${id}`,
      async () => {
        for (const frame of this.page.frames())
          if (
            (await frame
              .locator(`html[data-view="${id}"]`)
              .count()
              .catch(() => 0)) > 0
          )
            return frame;
        return undefined;
      },
      timeoutMs,
    );
  }
}
