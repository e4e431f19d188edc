// Draws the whole page from the state.
import { h } from "./dom";
import * as format from "./format";
import { morphChildren } from "./morph";
import { emptyState, panel } from "./panel";
import { driftPanel } from "./panels/drift";
import { eventsPanel } from "./panels/events";
import { awayBanner, header } from "./panels/header";
import { jobsPanel } from "./panels/jobs";
import { figures, title } from "./panels/overview";
import { pipelinePanel } from "./panels/pipeline";
import { qualityPanel } from "./panels/quality";
import { signIn } from "./panels/signin";
import { trafficPanel } from "./panels/traffic";
import { versionsPanel } from "./panels/versions";
import { addressOf } from "./route";
import type { State } from "./state";

function content(state: State): HTMLElement[] {
  if (state.connection === "unauthenticated") return [signIn(state)];
  const { project } = state;
  if (project !== null) {
    return [
      title(project), figures(project), pipelinePanel(project), qualityPanel(project), trafficPanel(project), versionsPanel(project),
      driftPanel(project), jobsPanel(project), eventsPanel(project),
    ];
  }
  if (state.connection !== "live") return [h("p", { class: "waiting", "data-key": "waiting" }, state.connection === "away" ? "Waiting for the server." : "Asking the server.")];
  if (state.projects.length === 0) {
    return [panel({ id: "welcome", title: "No project yet", shows: null, empty: true },
      () => [emptyState("Describe one in a keelson.yaml, apply it, and watch it here.", "keelson apply -f keelson.yaml")])];
  }
  return [panel({ id: "missing", title: "No such project", shows: [state.selected, state.projects.map(({ name }) => name)], empty: true }, () => [
    emptyState(`There is no project named ${state.selected ?? ""}. There are:`),
    h("ul", { class: "choices" }, ...state.projects.map(({ name }) => h("li", null, h("a", { href: addressOf(name) }, name)))),
  ])];
}

export function draw(root: Element, state: State): void {
  const name = state.project?.name ?? "";
  const away = state.connection === "away" ? "(away) " : "";
  document.title = name === "" ? `${away}Keelson` : `${away}${name} · ${format.monthName(state.project?.clock.slice(0, 7) ?? "")} · Keelson`;
  morphChildren(root, [
    header(state),
    h("main", { id: "main", tabindex: -1, "data-connection": state.connection },
      awayBanner(state), h("div", { class: "grid", "data-key": "grid" }, ...content(state))),
  ]);
}
