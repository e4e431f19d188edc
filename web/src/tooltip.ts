// One tooltip for the page: what has `data-tip` shows its text under the pointer or beside the focus. The same words stand in
// the element's own label, so the tooltip itself is hidden from screen readers.

const kGap = 12;

/** What the tooltip must not cover, in the window. */
export interface Anchor {
  x: number;
  top: number;
  bottom: number;
}

export interface Tooltip {
  show(text: string, anchor: Anchor): void;
  hide(): void;
}

function makeTooltip(): Tooltip {
  const tip = document.createElement("div");
  tip.className = "tooltip";
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  document.body.append(tip);
  return {
    show(text, { x, top, bottom }) {
      tip.textContent = text;
      tip.hidden = false;
      const left = x + kGap;
      const flipX = left + tip.offsetWidth > document.documentElement.clientWidth - kGap;
      const flipY = bottom + kGap + tip.offsetHeight > window.innerHeight - kGap;
      tip.style.left = `${Math.max(kGap, flipX ? x - tip.offsetWidth - kGap : left)}px`;
      tip.style.top = `${Math.max(kGap, flipY ? top - tip.offsetHeight - kGap : bottom + kGap)}px`;
    },
    hide() {
      tip.hidden = true;
    },
  };
}

export function installTooltip(): Tooltip {
  const tooltip = makeTooltip();
  const owner = (target: EventTarget | null): Element | null => (target instanceof Element ? target.closest("[data-tip]") : null);

  document.addEventListener("pointermove", (event) => {
    const text = owner(event.target)?.getAttribute("data-tip") ?? null;
    if (text === null) tooltip.hide();
    else tooltip.show(text, { x: event.clientX, top: event.clientY, bottom: event.clientY });
  });
  document.addEventListener("focusin", (event) => {
    const element = owner(event.target);
    const box = element?.getBoundingClientRect();
    if (element == null || box === undefined || !element.matches(":focus-visible")) return tooltip.hide();
    tooltip.show(element.getAttribute("data-tip") ?? "", { x: box.left + box.width / 2, top: box.top, bottom: box.bottom });
  });
  for (const event of ["pointerleave", "focusout"]) document.addEventListener(event, () => tooltip.hide());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tooltip.hide();
  });
  return tooltip;
}
