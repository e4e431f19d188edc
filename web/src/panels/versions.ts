// The registered versions, newest first.
import type { Project, Version } from "../api";
import { badge } from "../badge";
import { h } from "../dom";
import * as format from "../format";
import { emptyState, panel } from "../panel";

const kUsual = ["auc", "logloss", "log_loss"];
const kMostMetrics = 2;
const kMoreMetrics = 4; // where there is room
const kRoomy = 720;

/** The metrics that get a column: the usual ones first. */
function metricNames(versions: Version[], most: number): string[] {
  const all = new Set(versions.flatMap((version) => Object.keys(version.metrics)));
  const usual = kUsual.filter((name) => all.has(name));
  const others = [...all].filter((name) => !kUsual.includes(name)).sort();
  return [...usual, ...others].slice(0, most);
}

function row(version: Version, metrics: string[], zone: string): HTMLElement {
  return h("tr", { "data-key": String(version.version) },
    h("th", { scope: "row" }, `v${version.version}`),
    h("td", { class: "left" }, ...version.aliases.map((alias) => h("span", { class: "alias", "data-role": alias, "data-key": alias }, alias))),
    h("td", { class: "left" }, badge(version.gate)),
    ...metrics.map((name) => h("td", null, format.metric(version.metrics[name] ?? null))),
    h("td", { class: "left" }, h("time", { datetime: version.created, title: format.instant(version.created, zone) }, format.day(version.created, zone))),
    h("td", { class: "left" }, h("code", { title: version.run_id }, version.run_id.slice(0, 8))));
}

export function versionsPanel(project: Project): HTMLElement {
  const versions = [...project.versions].sort((one, other) => other.version - one.version);
  const options = { id: "versions", title: "Versions", shows: [versions, project.time_zone] };
  if (versions.length === 0) {
    return panel({ ...options, empty: true }, () => [emptyState("No version is registered yet. A run of the pipeline makes one when it passes the gate.", `keelson run ${project.name}`)]);
  }
  return panel({ ...options, aside: h("p", { class: "aside" }, format.plural(versions.length, "version")) }, (width) => {
    const metrics = metricNames(versions, width < kRoomy ? kMostMetrics : kMoreMetrics);
    const columns: [string, boolean][] = [
      ["Version", true], ["Alias", true], ["Gate", true], ...metrics.map((name): [string, boolean] => [name, false]), ["Created", true], ["Run", true],
    ];
    return [
      h("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-labelledby": "versions-title" },
        h("table", null,
          h("thead", null, h("tr", null, ...columns.map(([name, left]) => h("th", { scope: "col", class: left ? "left" : null }, name)))),
          h("tbody", null, ...versions.map((version) => row(version, metrics, project.time_zone))))),
    ];
  });
}
