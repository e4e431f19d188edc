// Each panel shows what the server's API says at that moment. Holds for any server with a project.
import { contains, equal, eventually, holds } from "../harness.mjs";

const instant = (value, zone) => new Intl.DateTimeFormat("en-GB", {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone || "UTC",
}).format(new Date(value));
const fixed = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const count = (value) => (value === null ? "–" : value.toLocaleString("en-US"));

const panels = {
  title(project, text) {
    contains(text, project.name, "title");
    contains(text, instant(project.clock, project.time_zone), "clock");
    contains(text, project.champion === null ? "none yet" : `version ${project.champion}`, "champion");
    contains(text, project.mode === "replay" ? "Replay" : "Live", "mode");
  },
  versions(project, text) {
    for (const version of project.versions) {
      contains(text, `v${version.version}`, "version");
      contains(text, version.gate, "gate");
      for (const alias of version.aliases) contains(text, alias, "alias");
      if (typeof version.metrics.auc === "number") contains(text, version.metrics.auc.toFixed(4), "metric");
    }
  },
  traffic(project, text) {
    for (const one of project.endpoint?.versions ?? []) {
      contains(text, count(one.requests), "requests");
      for (const replica of one.replicas) contains(text, replica.name, "replica");
      for (const replica of one.replicas) contains(text, replica.state, "replica's state");
    }
    if (project.canary !== null) contains(text, `at ${project.canary.percent} %`, "canary");
  },
  quality(project, text) {
    for (const month of project.months) {
      contains(text, count(month.asked), "asked");
      contains(text, fixed(month.auc_live, 3), "live AUC");
      contains(text, fixed(month.auc_frozen, 3), "frozen AUC");
      contains(text, fixed(month.logloss_live, 3), "live log loss");
    }
  },
  jobs(project, text) {
    for (const job of project.jobs) {
      contains(text, job.id, "job");
      contains(text, job.waiting, "why it waits");
    }
  },
  events(project, text) {
    for (const event of project.events.slice(0, 20)) contains(text, event.message, "event");
  },
};

export async function figureChecks(checks, url, name) {
  const fetchProject = async () => (await fetch(new URL(`/api/keelson/v1/projects/${encodeURIComponent(name)}`, url))).json();
  const address = `${url}#/projects/${encodeURIComponent(name)}`;

  await checks.check("the document comes with the strict policy", url, async (page) => {
    const response = await page.goto(url);
    const headers = response.headers();
    contains(headers["content-security-policy"], "default-src 'none'", "policy");
    contains(headers["content-security-policy"], "script-src 'self'", "policy");
    holds(!headers["content-security-policy"].includes("unsafe"), "the policy allows something unsafe");
    equal(headers["x-content-type-options"], "nosniff", "x-content-type-options");
  });

  for (const [panel, compare] of Object.entries(panels)) {
    await checks.check(`${panel}: shows the server's figures`, url, async (page) => {
      await page.goto(address);
      const selector = panel === "title" ? ".title" : `#${panel}`;
      await eventually(async () => compare(await fetchProject(), (await page.locator(selector).textContent()) ?? ""));
    });
  }

  await checks.check("pipeline: has every step with its state", url, async (page) => {
    await page.goto(address);
    await eventually(async () => {
      const { pipeline } = await fetchProject();
      const labels = await page.locator("#pipeline .step").evaluateAll((steps) => steps.map((step) => step.getAttribute("aria-label")));
      equal(labels.length, pipeline?.steps.length ?? 0, "steps");
      for (const step of pipeline?.steps ?? []) {
        holds(labels.some((label) => label.startsWith(`${step.name} (${step.kind}): ${step.state}`)), `no ${step.name} ${step.state} in ${labels}`);
      }
    });
  });

  await checks.check("drift: a cell a column and day, marked from the threshold on", url, async (page) => {
    await page.goto(address);
    await eventually(async () => {
      const { drift } = await fetchProject();
      if (drift === null) return contains(await page.locator("#drift").textContent(), "No window", "drift");
      const drawn = await page.locator("#heat").evaluate((heat) => ({ ...heat.dataset }));
      equal([Number(drawn.rows), Number(drawn.days)], [drift.columns.length, drift.days.length], "rows and days");
      equal(await page.locator(".heat-name").allTextContents(), drift.columns, "columns");
      const over = drift.values.flat().filter((value) => value !== null && value >= drift.threshold).length;
      const cells = async (selector) => {
        const paths = await page.locator(selector).evaluateAll((found) => found.map((path) => path.getAttribute("d")).join(""));
        // Widths are written in hundredths: each run is a whole number of cells, the sum of many is not.
        const runs = [...paths.matchAll(/M\S+ \S+h([\d.]+)/g)].map(([, run]) => Math.round((Number(run) + (drawn.cell >= 6 ? 1 : 0)) / drawn.cell));
        return runs.reduce((sum, run) => sum + run, 0);
      };
      equal(await cells("#heat path.over"), over, "marked cells");
      equal(await cells("#heat path.heat-5, #heat path.heat-6"), over, "cells of the colours over the threshold");
      equal(await cells("#heat path:not(.over)"), drift.columns.length * drift.days.length, "cells");
    });
  });

  await checks.check("drift: the tooltip of a cell tells its value", url, async (page) => {
    await page.goto(address);
    await eventually(async () => {
      const { drift } = await fetchProject();
      if (drift === null) return;
      const row = drift.columns.length - 1;
      const cell = Number(await page.locator("#heat").getAttribute("data-cell"));
      await page.locator("#heat").hover({ position: { x: cell * 2.5, y: 20 + 22 * row + 10 } });
      const text = await page.locator(".tooltip").textContent();
      contains(text, drift.columns[row], "column");
      const value = drift.values[row][2];
      contains(text, value === null ? "not measured" : value.toFixed(3), "value");
    });
  });
}
