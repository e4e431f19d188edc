// What only a server in our hands can show: changes, absence, hostile and broken answers.
import { contains, equal, eventually, holds } from "../harness.mjs";
import { flights, fresh } from "../fixtures.mjs";

const kBroken = ["Failed to load resource"]; // the browser's own line for a refused connection or a 401
const kHostile = `"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'); window.hacked=1;//`;

/** Replaces every text of a fixture that does not steer the page by a hostile one. */
function poison(value, key = "") {
  if (Array.isArray(value)) return value.map((item) => poison(item, key));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name === "calibration" ? kHostile : name, poison(item, name)]));
  }
  return typeof value === "string" && key !== "name" && key !== "depends" && key !== "mode" ? kHostile + value : value;
}

export async function changeChecks(checks, server) {
  const only = (...projects) => (server.projects = new Map(projects.map((project) => [project.name, project])));
  const shown = (page, selector) => page.locator(selector).first().textContent();
  const both = () => only(flights(), fresh());

  const project = only(flights()).get("flight-delays");
  await checks.check("live: a change on the server is on the page within seconds", server.url, async (page) => {
    await page.goto(server.url);
    await page.locator("[data-key=train]").focus();
    const train = project.pipeline.steps.find((step) => step.name === "train");
    Object.assign(train, { fraction: 0.9, progress: "round 180 of 200" });
    project.clock = "2013-11-02T09:30:00Z";
    project.events.unshift({ sequence: 500, wall: "", clock: "2013-11-02T09:30:00Z", kind: "promoted", message: "Version 6 is champion" });
    await eventually(async () => {
      contains(await shown(page, "[data-key=train]"), "round 180", "progress");
      contains(await shown(page, "#clock"), "2 Nov 2013, 05:30", "clock");
      contains(await shown(page, ".event"), "Version 6 is champion", "first event");
    });
    equal(await page.evaluate(() => document.activeElement.getAttribute("data-key")), "train", "the focus after the update");
  });

  both();
  await checks.check("away: says so, keeps the figures, and comes back by itself", server.url, async (page) => {
    await page.goto(server.url);
    await page.locator(".connection[data-connection=live]").waitFor();
    server.down = true;
    await page.locator(".banner[role=alert]").waitFor();
    contains(await shown(page, ".connection"), "Server away", "state");
    contains(await shown(page, ".banner"), "keelson server", "what to do");
    contains(await shown(page, "#events"), "Version 6 takes", "figures");
    server.down = false;
    await page.locator(".connection[data-connection=live]").waitFor();
    equal(await page.locator(".banner").count(), 0, "banners");
  }, { expects: kBroken });
  server.down = false;

  await checks.check("hidden: asks nothing, and asks at once when seen again", server.url, async (page) => {
    await page.clock.install();
    await page.goto(server.url);
    await page.locator("#events").waitFor();
    const hide = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
    await hide(true);
    const before = server.asked;
    for (let round = 0; round < 10; round++) {
      await page.clock.runFor(6000);
      await page.evaluate(async () => (await fetch("/page/favicon.svg")).text()); // real time for an answer under way
    }
    holds(server.asked - before <= 1, `asked ${server.asked - before} times in a hidden minute`); // one may have been under way
    await hide(false);
    await eventually(async () => holds(server.asked > before + 1, "does not ask again"));
  });

  only(poison(flights()), fresh(kHostile));
  await checks.check("hostile: markup in any text is inert", server.url, async (page) => {
    await page.goto(`${server.url}#/projects/flight-delays`);
    await page.locator("#events").waitFor();
    contains(await shown(page, ".event-message"), "<img src=x onerror=", "the text as it is");
    contains(await shown(page, "#jobs"), "<script>", "the text as it is");
    await page.goto(`${server.url}#/projects/${encodeURIComponent(kHostile)}`);
    await eventually(async () => contains(await shown(page, "h1"), "<img", "name"));
    equal(await page.evaluate(() => [window.hacked, document.images.length, document.scripts.length]), [null, 0, 1], "hacked, images, scripts");
  });

  both();
  await checks.check("projects: the selector and the address choose", server.url, async (page) => {
    await page.goto(server.url);
    await eventually(async () => equal(await shown(page, "h1"), "flight-delays", "first"));
    await page.getByLabel("Project").selectOption("churn");
    await eventually(async () => equal(await shown(page, "h1"), "churn", "chosen"));
    contains(page.url(), "#/projects/churn", "address");
    await page.goBack();
    await eventually(async () => equal(await shown(page, "h1"), "flight-delays", "after back"));
    equal(await page.getByLabel("Project").inputValue(), "flight-delays", "selector");
    await page.goto(`${server.url}#/projects/nope`);
    await eventually(async () => contains(await shown(page, "#missing"), "no project named nope", "unknown"));
    await page.getByRole("link", { name: "churn" }).click();
    await eventually(async () => equal(await shown(page, "h1"), "churn", "by its link"));
  });

  await checks.check("empty: an idle project says what to do", server.url, async (page) => {
    await page.goto(`${server.url}#/projects/churn`);
    await page.locator("#events").waitFor();
    contains(await shown(page, "#pipeline"), "keelson run churn", "pipeline");
    contains(await shown(page, "#versions"), "No version is registered", "versions");
    contains(await shown(page, "#drift"), "No window", "drift");
    contains(await shown(page, ".title"), "none yet", "champion");
  });

  only();
  await checks.check("empty: no project at all says what to do", server.url, async (page) => {
    await page.goto(server.url);
    await eventually(async () => contains(await shown(page, "#welcome"), "keelson apply", "command"));
  });

  const failed = only(flights()).get("flight-delays");
  Object.assign(failed.pipeline, { state: "failed", error: "validate failed" });
  Object.assign(failed.pipeline.steps[3], { state: "failed", error: "weather: temp between -30 and 50 failed for 24 of 24 rows" });
  await checks.check("failure: the step's error stands below the graph", server.url, async (page) => {
    await page.goto(server.url);
    await page.locator(".problems").waitFor();
    contains(await shown(page, ".problems"), "temp between -30 and 50 failed for 24 of 24 rows", "error");
    contains(await shown(page, "#pipeline .aside"), "failed", "state");
  });

  server.projects = new Map([["odd", { name: "odd", mode: 7, clock: "yesterday", endpoint: [], pipeline: { steps: [{ name: "a", depends: ["a", "b"] }, { name: "b", depends: ["a"] }] },
    versions: [{ version: 1, metrics: { auc: "high" } }], months: [{ month: "2013-04" }, {}], drift: { columns: ["a"], days: ["2013-04-01"] }, jobs: {}, events: [null] }]]);
  await checks.check("odd: missing, wrong and circular fields leave the page standing", server.url, async (page) => {
    await page.goto(server.url);
    await page.locator("#events").waitFor();
    equal(await page.locator("#pipeline .step").count(), 2, "steps");
    contains(await shown(page, "#quality"), "Apr 2013", "months");
    contains(await shown(page, "#versions"), "v1", "versions");
  });

  both();
  server.token = "s3cret";
  await checks.check("token: asked for, refused, taken", server.url, async (page) => {
    await page.goto(server.url);
    await page.getByLabel("Access token").fill("wrong");
    await page.getByRole("button").click();
    await page.getByText("That token was refused").waitFor();
    await page.getByLabel("Access token").fill("s3cret");
    await page.getByRole("button").click();
    await page.locator("#events").waitFor();
  }, { expects: kBroken });
  server.token = null;
}
