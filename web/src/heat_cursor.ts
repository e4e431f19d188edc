// Walks the heat map: under the pointer, or from cell to cell with the arrow keys, Home and End. The cell is told by the tooltip and,
// for screen readers, by a live region that stands outside of what is drawn anew each second.
import { cellAt, cellBox, cellSays, drawnHeat } from "./charts/heat";
import type { Tooltip } from "./tooltip";

/** Returns what puts the cursor back on its cell after the map was drawn anew. */
export function installHeatCursor(tooltip: Tooltip): () => void {
  const voice = document.createElement("p");
  voice.className = "visually-hidden";
  voice.setAttribute("aria-live", "polite");
  voice.id = "heat-voice";
  const cursor = document.createElement("div");
  cursor.className = "heat-cursor";
  cursor.hidden = true;
  document.body.append(voice, cursor);
  let at: { row: number; day: number } | null = null;

  const svgOf = (target: EventTarget | null): Element | null => (target instanceof Element ? target.closest("#heat") : null);

  const moveTo = (svg: Element, row: number, day: number): void => {
    const map = drawnHeat();
    if (map === null) return;
    at = { row: clamp(row, map.drift.columns.length), day: clamp(day, map.drift.days.length) };
    const cell = cellBox(map, at.row, at.day);
    const scroll = svg.parentElement;
    if (scroll !== null) {
      if (cell.x < scroll.scrollLeft) scroll.scrollLeft = cell.x;
      if (cell.x + cell.width > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = cell.x + cell.width - scroll.clientWidth;
    }
    const origin = svg.getBoundingClientRect();
    Object.assign(cursor.style, {
      left: `${origin.left + scrollX + cell.x - 2}px`, top: `${origin.top + scrollY + cell.y - 2}px`, width: `${cell.width + 4}px`, height: `${cell.height + 4}px`,
    });
    cursor.hidden = false;
    const text = cellSays(map.drift, at.row, at.day);
    const spoken = text.replace("\n", ", ");
    if (voice.textContent !== spoken) voice.textContent = spoken; // said once
    tooltip.show(text, { x: origin.left + cell.x + cell.width, top: origin.top + cell.y, bottom: origin.top + cell.y + cell.height });
  };
  const leave = (): void => {
    cursor.hidden = true;
    tooltip.hide();
  };

  document.addEventListener("pointermove", (event) => {
    const map = drawnHeat();
    const svg = svgOf(event.target);
    if (svg === null || map === null) return;
    const origin = svg.getBoundingClientRect();
    const cell = cellAt(map, event.clientX - origin.left, event.clientY - origin.top);
    if (cell === null) tooltip.hide();
    else tooltip.show(cellSays(map.drift, cell.row, cell.day), { x: event.clientX, top: event.clientY, bottom: event.clientY });
  });
  document.addEventListener("focusin", (event) => {
    const map = drawnHeat();
    const svg = svgOf(event.target);
    if (svg !== null && map !== null && svg.matches(":focus-visible")) moveTo(svg, at?.row ?? 0, at?.day ?? map.drift.days.length - 1);
  });
  document.addEventListener("focusout", (event) => {
    if (svgOf(event.target) !== null) leave();
  });
  window.addEventListener("resize", leave);
  document.addEventListener("keydown", (event) => {
    const map = drawnHeat();
    const svg = svgOf(event.target);
    if (svg === null || map === null) return;
    const { row, day } = at ?? { row: 0, day: map.drift.days.length - 1 };
    const next: Record<string, [number, number]> = {
      ArrowLeft: [row, day - 1], ArrowRight: [row, day + 1], ArrowUp: [row - 1, day], ArrowDown: [row + 1, day],
      Home: [row, 0], End: [row, map.drift.days.length - 1],
    };
    const wanted = next[event.key];
    if (event.key === "Escape") leave();
    if (wanted === undefined) return;
    event.preventDefault();
    moveTo(svg, ...wanted);
  });
  return () => {
    if (cursor.hidden) return;
    const svg = svgOf(document.activeElement);
    if (svg === null || at === null) leave();
    else moveTo(svg, at.row, at.day);
  };
}

function clamp(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}
