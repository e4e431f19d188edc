// Who answers: the split between versions, the canary's steps, latency, and the replicas behind.
import type { Canary, Project, ServedVersion } from "../api";
import { badge } from "../badge";
import { h, s, type Child } from "../dom";
import * as format from "../format";
import { emptyState, panel } from "../panel";

function role(project: Project, version: number): string {
  return version === project.champion ? "champion" : version === project.challenger ? "challenger" : "other";
}

function split(project: Project, versions: ServedVersion[], width: number): SVGElement {
  const total = versions.reduce((sum, one) => sum + one.weight, 0) || 1;
  const label = versions.map((one) => `version ${one.version} ${format.percent(one.weight / total)}`).join(", ");
  let x = 0;
  const parts = versions.filter((one) => one.weight > 0).map((one) => {
    const part = (one.weight / total) * width;
    const at = x;
    x += part;
    const name = role(project, one.version);
    return s("g", { "data-key": String(one.version), "data-role": name, "data-tip": `Version ${one.version}, ${name}\n${format.percent(one.weight / total)} of the traffic` },
      s("rect", { class: "share", x: at + 1, width: Math.max(1, part - 2), height: 30, rx: 7 }),
      name === "challenger" ? s("rect", { x: at + 1, width: Math.max(1, part - 2), height: 30, rx: 7, fill: "url(#stripes)" }) : null,
      part > 62 ? s("text", { class: "share-text", x: at + part / 2, y: 20 }, `v${one.version} · ${format.percent(one.weight / total)}`) : null);
  });
  return s("svg", { class: "split", width, height: 30, role: "img", "aria-label": `Traffic: ${label}` },
    s("defs", null, s("pattern", { id: "stripes", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { class: "stripe", width: 3, height: 8 }))), ...parts);
}

function canarySteps(canary: Canary, zone: string): HTMLElement {
  return h("div", { class: "canary" },
    h("p", null, h("strong", null, "Canary"), ` at ${canary.percent} % since ${format.instant(canary.since, zone)}`),
    h("ol", { class: "canary-steps", "aria-label": "Steps of the canary" },
      ...canary.steps.map((percent, index) => h("li", {
        "data-when": index < canary.step ? "past" : index === canary.step ? "now" : "ahead",
        "aria-current": index === canary.step ? "step" : null,
      }, `${percent} %`))));
}

function row(project: Project, one: ServedVersion): HTMLElement {
  const name = role(project, one.version);
  return h("tr", { "data-key": String(one.version) },
    h("th", { scope: "row" }, h("span", { class: "swatch", "data-role": name, "aria-hidden": "true" }), `v${one.version}`,
      name === "other" ? null : h("span", { class: "role" }, ` ${name}`)),
    h("td", null, `${format.count(one.weight)} %`),
    h("td", null, format.count(one.requests)),
    h("td", { "data-tone": (one.errors ?? 0) > 0 ? "bad" : null }, format.count(one.errors)),
    h("td", null, format.milliseconds(one.p50_ms)),
    h("td", null, format.milliseconds(one.p99_ms)));
}

function replicas(versions: ServedVersion[]): Child {
  const all = versions.flatMap((one) => one.replicas.map((replica) => ({ ...replica, version: one.version })));
  if (all.length === 0) return h("p", { class: "muted" }, "No replica runs: the first request starts one and is held until it is ready.");
  return h("ul", { class: "replicas", "aria-label": "Replicas" },
    ...all.map((replica) => h("li", { "data-key": replica.name },
      badge(replica.state), h("span", { class: "replica-name" }, replica.name), h("span", { class: "muted" }, `v${replica.version}${replica.limits === "" ? "" : ` · ${replica.limits}`}`))));
}

export function trafficPanel(project: Project): HTMLElement {
  const { endpoint, canary, champion, challenger } = project;
  const options = { id: "traffic", title: "Traffic", shows: [endpoint, canary, champion, challenger, project.time_zone] };
  if (endpoint === null || endpoint.versions.length === 0) {
    return panel({ ...options, empty: true }, () => [emptyState("Nothing is served yet. The first version that passes the gate will be.", `keelson run ${project.name}`)]);
  }
  const { versions } = endpoint;
  const aside = h("p", { class: "aside" }, h("code", null, `/v2/models/${endpoint.name}/infer`));
  return panel({ ...options, aside }, (width) => [
    split(project, versions, width),
    canary === null ? null : canarySteps(canary, project.time_zone),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures by version" },
      h("table", null,
        h("thead", null, h("tr", null, ...["Version", "Weight", "Requests", "Errors", "p50", "p99"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, ...versions.map((one) => row(project, one))))),
    replicas(versions),
    h("p", { class: "muted" }, `${format.count(endpoint.in_flight)} in flight, ${format.count(endpoint.held)} held`),
  ]);
}
