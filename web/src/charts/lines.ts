// Two series over the months as lines: the live model solid with discs, the frozen one dashed with squares.
import { s } from "../dom";
import * as format from "../format";
import { linearScale } from "./scale";

export interface Pair {
  month: string;
  live: number | null;
  frozen: number | null;
}

export interface LinesOptions {
  name: string;
  better: "higher" | "lower";
  width: number;
}

const kHeight = 220;
const kMargin = { left: 46, right: 14, top: 12, bottom: 28 };

function says(name: string, pair: Pair): string {
  const gain = pair.live === null || pair.frozen === null ? "" : `\nlive − frozen ${format.signed(pair.live - pair.frozen, 4)}`;
  return `${format.monthName(pair.month)}, ${name}\nlive ${format.fixed(pair.live, 4)}\nfrozen ${format.fixed(pair.frozen, 4)}${gain}`;
}

/** A path through the known points; an unknown month interrupts the line. */
function path(points: ([number, number] | null)[]): string {
  let pen = "M";
  let result = "";
  for (const point of points) {
    if (point === null) {
      pen = "M";
      continue;
    }
    result += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = "L";
  }
  return result;
}

export function lines(pairs: Pair[], { name, better, width }: LinesOptions): SVGElement {
  const values = pairs.flatMap((pair) => [pair.live, pair.frozen]).filter((value): value is number => value !== null);
  const y = linearScale(Math.min(...values), Math.max(...values), kHeight - kMargin.bottom, kMargin.top);
  const band = (width - kMargin.left - kMargin.right) / pairs.length;
  const x = (index: number): number => kMargin.left + band * (index + 0.5);
  const series = (key: "live" | "frozen"): ([number, number] | null)[] =>
    pairs.map((pair, index) => (pair[key] === null ? null : [x(index), y(pair[key])]));
  const live = series("live");
  const frozen = series("frozen");
  const everyLabel = Math.ceil(34 / band);

  return s("svg", { class: "lines", width, height: kHeight, role: "group", "aria-label": `${name} by month, live against frozen; ${better} is better`, "data-grid": "" },
    s("g", { class: "axis", "aria-hidden": "true" },
      ...y.ticks.map((tick) => s("g", null,
        s("line", { class: "grid", x1: kMargin.left, x2: width - kMargin.right, y1: y(tick), y2: y(tick) }),
        s("text", { class: "tick", x: kMargin.left - 8, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(y.digits)))),
      ...pairs.map((pair, index) => index % everyLabel === 0
        ? s("text", { class: "tick", x: x(index), y: kHeight - 8, "text-anchor": "middle" }, format.monthName(pair.month, true)) : null)),
    s("path", { class: "series frozen", d: path(frozen) }),
    s("path", { class: "series live", d: path(live) }),
    ...frozen.map((point) => point && s("rect", { class: "mark frozen", x: point[0] - 3.5, y: point[1] - 3.5, width: 7, height: 7 })),
    ...live.map((point) => point && s("circle", { class: "mark live", cx: point[0], cy: point[1], r: 4 })),
    ...pairs.map((pair, index) => s("rect", {
      class: "month", x: kMargin.left + band * index, y: kMargin.top - 8, width: band, height: kHeight - kMargin.top - kMargin.bottom + 16, rx: 4,
      role: "img", tabindex: index === pairs.length - 1 ? 0 : -1, "data-row": 0, "data-column": index,
      "data-tip": says(name, pair), "aria-label": says(name, pair).replaceAll("\n", ", "),
    })));
}
