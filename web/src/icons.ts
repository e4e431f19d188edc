// States as shapes, so that no meaning rests on colour alone.
import { s } from "./dom";

const kShapes: Record<string, string> = {
  succeeded: "M4 8.5 7 11.5 12.5 5",
  passed: "M4 8.5 7 11.5 12.5 5",
  ready: "M4 8.5 7 11.5 12.5 5",
  failed: "M4.5 4.5 11.5 11.5M11.5 4.5 4.5 11.5",
  refused: "M4.5 4.5 11.5 11.5M11.5 4.5 4.5 11.5",
  running: "M6 4 12 8 6 12Z",
  starting: "M6 4 12 8 6 12Z",
  skipped: "M3.5 4.5 8 8 3.5 11.5M8 4.5 12.5 8 8 11.5",
  alarm: "M8 2.8 14 13H2ZM8 6.6V9.4M8 11.2V11.3",
  draining: "M8 3.5V12M4.5 8.5 8 12 11.5 8.5",
};
const kWaiting = "M4 8H4.1M8 8H8.1M12 8H12.1";

/** A 16 by 16 icon of a state; unknown states look like waiting. */
export function stateIcon(state: string, x = 0, y = 0): SVGElement {
  return s("svg", { class: "icon", x, y, width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true", "data-state": state },
    s("path", { d: kShapes[state] ?? kWaiting }));
}

export function logo(): SVGElement {
  return s("svg", { class: "logo", width: 28, height: 28, viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8 }),
    s("path", { d: "M6 11h20M9 11c0 7 3 11 7 13 4-2 7-6 7-13M16 6v18" }));
}
