// One tooltip for the page: what has `data-tip` shows its text under the pointer or beside the focus. The same words stand in
// the element's own label, so the tooltip itself is hidden from screen readers.

const kGap = 12;

export function installTooltip(): void {
  const tip = document.createElement("div");
  tip.className = "tooltip";
  tip.setAttribute("aria-hidden", "true");
  tip.hidden = true;
  document.body.append(tip);

  const show = (target: EventTarget | null, x?: number, y?: number): void => {
    const owner = target instanceof Element ? target.closest("[data-tip]") : null;
    if (owner === null) {
      tip.hidden = true;
      return;
    }
    tip.textContent = owner.getAttribute("data-tip");
    tip.hidden = false;
    const box = owner.getBoundingClientRect();
    const left = (x ?? box.left + box.width / 2) + kGap;
    const top = (y ?? box.bottom) + kGap;
    const flipX = left + tip.offsetWidth > document.documentElement.clientWidth - kGap;
    const flipY = top + tip.offsetHeight > window.innerHeight - kGap;
    tip.style.left = `${Math.max(kGap, flipX ? left - tip.offsetWidth - 2 * kGap : left)}px`;
    tip.style.top = `${Math.max(kGap, flipY ? (y ?? box.top) - tip.offsetHeight - kGap : top)}px`;
  };

  document.addEventListener("pointermove", (event) => show(event.target, event.clientX, event.clientY));
  document.addEventListener("pointerleave", () => (tip.hidden = true));
  document.addEventListener("focusin", (event) => show(event.target));
  document.addEventListener("focusout", () => (tip.hidden = true));
  document.addEventListener("scroll", () => (tip.hidden = true), { capture: true, passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });
}
