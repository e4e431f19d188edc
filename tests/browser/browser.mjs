// Debian's Chromium, driven by the pinned playwright-core.
import { createRequire } from "node:module";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const top = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const { chromium } = createRequire(path.join(top, "web/package.json"))("playwright-core");

const kFlags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync",
];

/** Runs `use(browser context)` in a new browser with a profile of its own, and leaves nothing behind. */
export async function withBrowser(use) {
  const profile = await mkdtemp(path.join(os.tmpdir(), "keelson-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: kFlags, viewport: { width: 1360, height: 900 },
  });
  try {
    return await use(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}
