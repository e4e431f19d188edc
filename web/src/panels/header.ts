// The bar at the top: which project, and whether what is shown is live.
import { h } from "../dom";
import { logo } from "../icons";
import type { Connection, State } from "../state";

const kConnection: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Updating live",
  away: "Server away",
  unauthenticated: "Signed out",
};

function selector(state: State): HTMLElement | null {
  if (state.projects.length < 2) return null;
  const names = state.projects.map((project) => project.name);
  if (state.selected !== null && !names.includes(state.selected)) names.unshift(state.selected);
  return h("label", { class: "selector" }, h("span", { class: "selector-label" }, "Project"),
    h("select", { id: "project-select" },
      ...names.map((name) => h("option", { value: name, "data-key": name, selected: name === state.selected }, name))));
}

export function header(state: State): HTMLElement {
  return h("header", { class: "top" },
    h("div", { class: "top-inner" },
      h("a", { class: "brand", href: "#/" }, logo(), "Keelson"),
      selector(state),
      h("p", { class: "connection", role: "status", "data-connection": state.connection },
        h("span", { class: "dot", "aria-hidden": "true" }), kConnection[state.connection])));
}

/** Says that the server does not answer, since when, and what to do; nothing while it does. */
export function awayBanner(state: State): HTMLElement | null {
  if (state.connection !== "away") return null;
  const since = state.heard === null ? "" : ` What you see is from ${state.heard.toLocaleTimeString("en-GB")}.`;
  return h("div", { class: "banner", role: "alert", "data-key": "away" },
    h("strong", null, "The server is away"), ` (${state.trouble}).${since} Trying again every few seconds. If it was stopped, start it: `,
    h("code", null, "keelson server"));
}
