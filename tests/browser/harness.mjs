// The least of a test runner: named checks, run one after another, each with a page of its own.

/** Calls `look` until it stops throwing; its last complaint is thrown after `atMost` ms. */
export async function eventually(look, atMost = 8000) {
  const end = Date.now() + atMost;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export function equal(actual, wanted, what) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${what}: got ${one}, wanted ${other}`);
}

export function contains(text, part, what) {
  if (!String(text).includes(part)) throw new Error(`${what}: ${JSON.stringify(part)} is not in ${JSON.stringify(text)}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}

/** What went wrong in a page on its own account: console errors, exceptions, policy violations, requests to other hosts. */
export function watch(page, origin) {
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.stack ?? error}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`request to another host: ${request.url()}`);
  });
  return complaints;
}

export class Checks {
  passed = 0;
  failed = 0;

  constructor(context, only) {
    this.context = context;
    this.only = only;
  }

  /** Runs `body(page, complaints)` in a new page; complaints not foreseen by `expects` fail it. */
  async check(name, url, body, { expects = [] } = {}) {
    if (this.only !== undefined && !name.includes(this.only)) return;
    const page = await this.context.newPage();
    page.setDefaultTimeout(8000);
    const complaints = watch(page, new URL(url).origin);
    try {
      await body(page);
      const unforeseen = complaints.filter((one) => !expects.some((part) => one.includes(part)));
      equal(unforeseen, [], "the browser's complaints");
      this.passed++;
      console.log(`ok      ${name}`);
    } catch (error) {
      this.failed++;
      console.log(`FAILED  ${name}\n        ${error.message}${complaints.length > 0 ? `\n        ${complaints.join("\n        ")}` : ""}`);
    } finally {
      await page.close();
    }
  }
}
