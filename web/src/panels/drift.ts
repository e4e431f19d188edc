// How far what is asked has moved from what the model was trained on.
import type { Drift, Project } from "../api";
import { heatCells, level } from "../charts/heat";
import { h, s, type Child } from "../dom";
import * as format from "../format";
import { asking, emptyState, panel } from "../panel";

const latest = (row: (number | null)[] | undefined): number | null => row?.findLast((value) => value !== null) ?? null;

function scaleKey(threshold: number): HTMLElement {
  const parts = Array.from({ length: 7 }, (_, index) => s("g", null,
    s("rect", { class: `heat-${index}`, x: index * 18, width: 17, height: 12 }),
    index >= 5 ? s("rect", { class: "over", x: index * 18, y: 8, width: 17, height: 2 }) : null));
  return h("p", { class: "aside heat-key" }, "PSI 0",
    s("svg", { width: 126, height: 12, role: "img", "aria-label": `light to dark from 0 to over twice the threshold; underlined from the threshold of ${threshold} on` }, ...parts),
    `underlined: over ${threshold}`);
}

function names(drift: Drift): HTMLElement {
  return h("ul", { class: "heat-names", "aria-label": "Drift now, by column" },
    ...drift.columns.map((column, row) => {
      const value = latest(drift.values[row]);
      const over = value !== null && value >= drift.threshold;
      return h("li", { "data-key": column, "data-tone": over ? "bad" : null, title: column },
        h("span", { class: "heat-name" }, column),
        h("span", { class: "heat-now", "data-level": value === null ? null : level(value, drift.threshold) }, format.fixed(value, 2), over ? h("span", { class: "visually-hidden" }, " over the threshold") : null));
    }));
}

export function driftPanel(project: Project): HTMLElement {
  const { drift } = project;
  const options = { id: "drift", title: "Drift", shows: drift };
  if (drift === null || drift.columns.length === 0 || drift.days.length === 0) {
    return panel({ ...options, empty: true }, () => [emptyState("No window has been measured yet. Drift appears a window after the first predictions.", asking(project))]);
  }
  return panel({ ...options, aside: scaleKey(drift.threshold) }, (width): Child[] => {
    const beside = width >= 560 ? 178 : 128;
    return [h("div", { class: "heat-map" }, names(drift), heatCells(drift, width - beside))];
  });
}
