// A heat map: one row a column of the data, one cell a day. Cells of one level are one path, since there may be thousands of
// them and they change each second in a replay. What is over the threshold carries a mark, so that it does not rest on colour.
import type { Drift } from "../api";
import { h, s } from "../dom";
import * as format from "../format";

const kRow = 22;
const kBar = 20; // of a row's height, what its cells take
const kAxis = 20;
const kLeast = 3;
const kMost = 28;
const kUnder = 5; // levels under the threshold; two more are over it

/** What is drawn now, for the cursor that walks it. */
export interface HeatMap {
  drift: Drift;
  cell: number; // width of a day
}

let current: HeatMap | null = null;

export const drawnHeat = (): HeatMap | null => current;

/** 0 to 4 under the threshold, 5 over it, 6 over twice of it. */
export function level(value: number, threshold: number): number {
  if (threshold <= 0) return value > 0 ? kUnder : 0;
  const ratio = value / threshold;
  return ratio >= 2 ? kUnder + 1 : ratio >= 1 ? kUnder : Math.max(0, Math.floor(ratio * kUnder));
}

export function cellSays({ columns, days, values, threshold }: Drift, row: number, day: number): string {
  const value = values[row]?.[day] ?? null;
  const what = value === null ? "not measured" : `${format.fixed(value, 3)}, ${value >= threshold ? "over" : "under"} the threshold of ${threshold}`;
  return `${columns[row] ?? ""}\n${format.dayName(days[day] ?? "")}: ${what}`;
}

/** Where a cell stands within the drawing. */
export function cellBox({ cell }: HeatMap, row: number, day: number): { x: number; y: number; width: number; height: number } {
  return { x: day * cell, y: kAxis + row * kRow, width: cell, height: kBar };
}

/** The cell at a point of the drawing; null beside the cells. */
export function cellAt({ drift, cell }: HeatMap, x: number, y: number): { row: number; day: number } | null {
  const row = Math.floor((y - kAxis) / kRow);
  const day = Math.floor(x / cell);
  return row >= 0 && row < drift.columns.length && day >= 0 && day < drift.days.length ? { row, day } : null;
}

function axis(days: string[], cell: number): SVGElement {
  const marks: SVGElement[] = [];
  let last = -Infinity;
  days.forEach((day, index) => {
    const starts = index === 0 || day.slice(0, 7) !== days[index - 1]?.slice(0, 7);
    if (!starts || (index - last) * cell < 34) return;
    last = index;
    marks.push(s("text", { class: "tick", x: index * cell, y: 12 }, format.monthName(day.slice(0, 7), true)));
  });
  return s("g", null, ...marks);
}

/** Adds a run of equal cells to its path. */
class Paths {
  private readonly parts = new Map<string, string[]>();

  add(kind: string, map: HeatMap, row: number, from: number, to: number): void {
    const gap = map.cell >= 6 ? 1 : 0;
    const { y } = cellBox(map, row, from);
    const [top, height] = kind === "over" ? [y + kBar - 4, 2] : [y, kBar];
    const list = this.parts.get(kind) ?? [];
    if (gap === 0) list.push(`M${(from * map.cell).toFixed(2)} ${top}h${((to - from) * map.cell).toFixed(2)}v${height}H${(from * map.cell).toFixed(2)}z`);
    else for (let day = from; day < to; day++) list.push(`M${(day * map.cell).toFixed(2)} ${top}h${(map.cell - gap).toFixed(2)}v${height}h${(gap - map.cell).toFixed(2)}z`);
    this.parts.set(kind, list);
  }

  draw(): SVGElement[] {
    return [...this.parts].sort().map(([kind, list]) => s("path", { class: kind, "data-key": kind, d: list.join("") }));
  }
}

function runs(paths: Paths, map: HeatMap, row: number, kindOf: (value: number | null) => string | null): void {
  const { days, values } = map.drift;
  let from = 0;
  let kind = kindOf(values[row]?.[0] ?? null);
  for (let day = 1; day <= days.length; day++) {
    const next = day === days.length ? undefined : kindOf(values[row]?.[day] ?? null);
    if (next === kind) continue;
    if (kind !== null && kind !== undefined) paths.add(kind, map, row, from, day);
    from = day;
    kind = next ?? null;
  }
}

/** The cells alone; the names of the rows stand beside, so that they stay when the cells are scrolled. */
export function heatCells(drift: Drift, room: number): HTMLElement {
  const { columns, days, threshold } = drift;
  const map: HeatMap = { drift, cell: Math.min(kMost, Math.max(kLeast, room / days.length)) };
  current = map;
  const cells = new Paths();
  const marks = new Paths();
  columns.forEach((_, row) => {
    runs(cells, map, row, (value) => (value === null ? "unknown" : `heat-${level(value, threshold)}`));
    runs(marks, map, row, (value) => (value !== null && value >= threshold ? "over" : null));
  });
  return h("div", { class: "heat-scroll", id: "heat-scroll" },
    s("svg", {
      class: "heat", id: "heat", width: Math.ceil(map.cell * days.length), height: kAxis + columns.length * kRow, tabindex: 0, role: "application",
      "aria-label": `Drift of ${columns.length} columns over ${days.length} days; the arrow keys walk the cells`, "data-rows": columns.length, "data-days": days.length, "data-cell": map.cell,
    }, axis(days, map.cell), ...cells.draw(), ...marks.draw()));
}
