// A state in a word with its icon.
import { h } from "./dom";
import { stateIcon } from "./icons";

export function badge(state: string, label = state): HTMLElement {
  return h("span", { class: "badge", "data-state": state }, stateIcon(state), label);
}
