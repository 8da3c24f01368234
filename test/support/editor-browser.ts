// The browser that the editor tests drive the workbench with. One per suite; every test opens its own context, which is a clean window.
import { type Browser, chromium } from 'playwright-core';

/** Debian's path; another Chromium is named by QUANTWRIGHT_CHROMIUM. */
export const chromiumPath = process.env['QUANTWRIGHT_CHROMIUM'] ?? '/usr/bin/chromium';

/** 1400 x 800: an editor, a panel and a side bar are all wide enough to be judged on a screenshot. */
export const viewport = { width: 1400, height: 800 };

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    // --no-sandbox: CI runs as root in a container, where Chromium's sandbox cannot start. Only our own loopback server is opened.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
