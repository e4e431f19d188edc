// A heat map: one row a column of the data, one cell a day. What is over the threshold is dark and carries a mark, so that it
// does not rest on colour.
import type { Drift } from "../api";
import { h, s } from "../dom";
import * as format from "../format";

export const kRow = 22;
const kAxis = 20;
const kLeast = 3;
const kLevels = 5; // of what is under the threshold; two more are over it

/** 0 to 4 under the threshold, 5 over it, 6 over twice of it. */
export function level(value: number, threshold: number): number {
  if (threshold <= 0) return value > 0 ? kLevels : 0;
  const ratio = value / threshold;
  return ratio >= 2 ? kLevels + 1 : ratio >= 1 ? kLevels : Math.max(0, Math.floor(ratio * kLevels));
}

function says(column: string, day: string, value: number | null, threshold: number): string {
  if (value === null) return `${column}\n${format.dayName(day)}: not measured`;
  const over = value >= threshold ? `over the threshold of ${threshold}` : `under the threshold of ${threshold}`;
  return `${column}\n${format.dayName(day)}: ${format.fixed(value, 3)}, ${over}`;
}

function axis(days: string[], cell: number): SVGElement {
  const marks: SVGElement[] = [];
  let last = -Infinity;
  days.forEach((day, index) => {
    const starts = index === 0 || day.slice(0, 7) !== days[index - 1]?.slice(0, 7);
    if (!starts || (index - last) * cell < 34) return;
    last = index;
    marks.push(s("text", { class: "tick", x: index * cell, y: 12 }, format.monthName(day.slice(0, 7), true)),
      s("line", { class: "grid", x1: index * cell, x2: index * cell, y1: 16, y2: kAxis }));
  });
  return s("g", { "aria-hidden": "true" }, ...marks);
}

/** The cells alone; the names of the rows stand beside, so that they stay when the cells are scrolled. */
export function heatCells(drift: Drift, room: number): HTMLElement {
  const { columns, days, values, threshold } = drift;
  const cell = Math.min(28, Math.max(kLeast, room / days.length));
  const gap = cell >= 6 ? 1 : 0;
  const rows = columns.map((column, row) => {
    const cells = days.flatMap((day, index) => {
      const value = values[row]?.[index] ?? null;
      const text = says(column, day, value, threshold);
      const x = +(index * cell).toFixed(2);
      const box = s("rect", {
        class: value === null ? "cell unknown" : `cell heat-${level(value, threshold)}`,
        x, y: kAxis + row * kRow, width: +(cell - gap).toFixed(2), height: kRow - 2, role: "gridcell",
        tabindex: row === 0 && index === days.length - 1 ? 0 : -1, "data-row": row, "data-column": index,
        "data-tip": text, "aria-label": text.replace("\n", ", "),
      });
      const over = value !== null && value >= threshold;
      return over ? [box, s("rect", { class: "over", x, y: kAxis + row * kRow + kRow - 6, width: +(cell - gap).toFixed(2), height: 2 })] : [box];
    });
    return s("g", { role: "row", "aria-label": column }, ...cells);
  });
  return h("div", { class: "heat-scroll", id: "heat-scroll" },
    s("svg", { class: "heat", width: Math.ceil(cell * days.length), height: kAxis + columns.length * kRow, role: "grid", "aria-label": "Drift by column and day", "data-grid": "", "aria-rowcount": columns.length, "aria-colcount": days.length },
      axis(days, cell), ...rows));
}
