// What keeping the model fresh is worth: the live model against the frozen first one, month by month.
import type { Month, Project } from "../api";
import { lines, type Pair } from "../charts/lines";
import { h, s } from "../dom";
import * as format from "../format";
import { asking, emptyState, panel } from "../panel";

const kGap = 32;

function chart(name: string, better: "higher" | "lower", pairs: Pair[], width: number): HTMLElement {
  const known = pairs.some((pair) => pair.live !== null || pair.frozen !== null);
  return h("figure", { class: "chart" },
    h("figcaption", null, h("strong", null, name), h("span", { class: "muted" }, ` ${better} is better`)),
    known ? lines(pairs, { name, better, width }) : h("p", { class: "muted" }, "No label has arrived yet."));
}

function legend(): HTMLElement {
  const item = (key: string, label: string): HTMLElement => h("li", null,
    s("svg", { width: 30, height: 12, "aria-hidden": "true" },
      s("path", { class: `series ${key}`, d: "M1 6H29" }),
      key === "live" ? s("circle", { class: "mark live", cx: 15, cy: 6, r: 4 }) : s("rect", { class: "mark frozen", x: 11.5, y: 2.5, width: 7, height: 7 })), label);
  return h("ul", { class: "legend" }, item("live", "Live"), item("frozen", "Frozen first model"));
}

/** Better or worse in the three digits that are shown. */
function tone(gain: number | null): string | null {
  if (gain === null || Math.abs(gain) < 0.0005) return null;
  return gain > 0 ? "good" : "bad";
}

function row(month: Month): HTMLElement {
  const gain = month.auc_live === null || month.auc_frozen === null ? null : month.auc_live - month.auc_frozen;
  return h("tr", { "data-key": month.month },
    h("th", { scope: "row" }, format.monthName(month.month)),
    h("td", null, format.count(month.asked)), h("td", null, format.count(month.labelled)),
    h("td", null, format.fixed(month.auc_live, 3)), h("td", null, format.fixed(month.auc_frozen, 3)),
    h("td", { "data-tone": tone(gain) }, gain === null ? format.kUnknown : format.signed(gain, 3)),
    h("td", null, format.fixed(month.logloss_live, 3)), h("td", null, format.fixed(month.logloss_frozen, 3)),
    h("td", null, format.count(month.drift_alarms)), h("td", null, format.count(month.retrainings)), h("td", null, format.count(month.promotions)));
}

const kColumns = ["Month", "Asked", "Labelled", "AUC live", "AUC frozen", "Gain", "Log loss live", "Log loss frozen", "Drift alarms", "Retrainings", "Promotions"];

export function qualityPanel(project: Project): HTMLElement {
  const { months } = project;
  const options = { id: "quality", title: "Quality by month", shows: months };
  if (months.length === 0) {
    return panel({ ...options, empty: true }, () => [emptyState("No prediction has been asked yet. Live and frozen quality are compared here as labels arrive.", asking(project))]);
  }
  return panel({ ...options, aside: legend() }, (width) => {
    const each = width >= 720 ? (width - kGap) / 2 : width;
    const pairs = (live: "auc_live" | "logloss_live", frozen: "auc_frozen" | "logloss_frozen"): Pair[] =>
      months.map((month) => ({ month: month.month, live: month[live], frozen: month[frozen] }));
    return [
      h("div", { class: "charts" },
        chart("AUC", "higher", pairs("auc_live", "auc_frozen"), each),
        chart("Log loss", "lower", pairs("logloss_live", "logloss_frozen"), each)),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures by month" },
        h("table", { class: "months" },
          h("thead", null, h("tr", null, ...kColumns.map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", null, ...months.map(row)))),
    ];
  });
}
