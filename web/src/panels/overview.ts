// The project in one line, and its few most telling figures.
import type { Project } from "../api";
import { h, type Child } from "../dom";
import * as format from "../format";

function fact(name: string, ...value: Child[]): HTMLElement {
  return h("div", { class: "fact" }, h("dt", null, name), h("dd", null, ...value));
}

export function title(project: Project): HTMLElement {
  const champion = project.champion === null ? "none yet" : `version ${project.champion}`;
  return h("div", { class: "title", "data-key": "title" },
    h("h1", null, project.name),
    h("dl", { class: "facts" },
      fact("Mode", h("span", { class: "mode", "data-mode": project.mode }, project.mode === "replay" ? "Replay" : "Live")),
      fact("Project clock", h("time", { id: "clock", datetime: project.clock }, format.instant(project.clock, project.time_zone)),
        project.time_zone ? h("span", { class: "zone" }, ` ${project.time_zone}`) : null),
      fact("Champion", h("span", { id: "champion" }, champion)),
      project.challenger === null ? null : fact("Challenger", `version ${project.challenger}`),
      fact("Revision", h("code", { title: project.revision }, project.revision.slice(0, 12) || format.kUnknown))));
}

interface Figure {
  name: string;
  value: string;
  note: string;
  tone?: "good" | "bad";
}

const total = (values: (number | null)[]): number | null =>
  values.every((value) => value === null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

function asked(project: Project): Figure {
  const sum = total(project.months.map((month) => month.asked));
  const labelled = total(project.months.map((month) => month.labelled));
  return { name: "Predictions", value: format.count(sum), note: labelled === null ? "none yet" : `${format.count(labelled)} labelled` };
}

function quality(project: Project): Figure {
  const month = project.months.findLast((one) => one.auc_live !== null);
  if (month === undefined || month.auc_live === null) return { name: "Live AUC", value: format.kUnknown, note: "no labels yet" };
  const gain = month.auc_frozen === null ? null : month.auc_live - month.auc_frozen;
  return {
    name: `Live AUC, ${format.monthName(month.month, true)}`,
    value: format.fixed(month.auc_live, 3),
    note: gain === null ? "" : `${format.signed(gain, 3)} against frozen`,
    ...(gain !== null && { tone: gain >= 0 ? ("good" as const) : ("bad" as const) }),
  };
}

function latency(project: Project): Figure {
  const served = project.endpoint?.versions ?? [];
  const champion = served.find((one) => one.version === project.champion) ?? served[0];
  if (champion === undefined) return { name: "Latency p99", value: format.kUnknown, note: "nothing is served yet" };
  return { name: "Latency p99", value: format.milliseconds(champion.p99_ms), note: `p50 ${format.milliseconds(champion.p50_ms)}` };
}

function failures(project: Project): Figure {
  const served = project.endpoint?.versions ?? [];
  if (served.length === 0) return { name: "Failed requests", value: format.kUnknown, note: "none was asked" };
  const errors = total(served.map((one) => one.errors));
  const held = project.endpoint?.held ?? 0;
  const note = held > 0 ? `${format.count(held)} held while a replica starts` : `${format.count(project.endpoint?.in_flight ?? null)} in flight`;
  return { name: "Failed requests", value: format.count(errors), note, ...((errors ?? 0) > 0 && { tone: "bad" as const }) };
}

function drift(project: Project): Figure {
  const name = "Most drift now";
  const latest = (project.drift?.columns ?? []).map((column, row) => ({
    column, value: project.drift?.values[row]?.findLast((one) => one !== null) ?? -1,
  }));
  const found = latest.reduce((worst, one) => (one.value > worst.value ? one : worst), { column: "", value: -1 });
  if (found.value < 0) return { name, value: format.kUnknown, note: "no window measured yet" };
  const over = found.value >= (project.drift?.threshold ?? Infinity);
  return { name, value: format.fixed(found.value, 2), note: `${found.column}${over ? `, over ${project.drift?.threshold}` : ""}`, ...(over && { tone: "bad" as const }) };
}

function refused(project: Project): Figure {
  const batches = project.refused_batches;
  return { name: "Refused batches", value: format.count(batches), note: (batches ?? 0) > 0 ? "kept in quarantine" : "all data passed", ...((batches ?? 0) > 0 && { tone: "bad" as const }) };
}

export function figures(project: Project): HTMLElement {
  const all = [asked(project), quality(project), latency(project), failures(project), drift(project), refused(project)];
  return h("dl", { class: "figures", "data-key": "figures", "aria-label": "Key figures" },
    ...all.map((figure) => h("div", { class: "figure", "data-tone": figure.tone ?? null },
      h("dt", null, figure.name), h("dd", { class: "figure-value" }, figure.value), h("dd", { class: "figure-note" }, figure.note))));
}
