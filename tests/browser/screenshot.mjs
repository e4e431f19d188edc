// Takes a picture of the page: node tests/browser/screenshot.mjs URL FILE [WIDTH] [light|dark] [HEIGHT]
import { withBrowser } from "./browser.mjs";

const [url, file, width = "1360", scheme = "light", height] = process.argv.slice(2);
await withBrowser(async (context) => {
  const page = await context.newPage();
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width: Number(width), height: Number(height ?? 900) });
  await page.goto(url);
  await page.locator("[data-connection=live]").first().waitFor();
  await page.locator(".figures, .empty").first().waitFor();
  await page.screenshot({ path: file, fullPage: height === undefined });
});
