// What happened, newest first.
import type { Project, ProjectEvent } from "../api";
import { h } from "../dom";
import * as format from "../format";
import { stateIcon } from "../icons";
import { emptyState, panel } from "../panel";

const kMost = 200;

/** Which sign an event carries: by the words of its kind, so that a new kind needs no change here. */
function sign(kind: string): string {
  if (/fail|refus|reject|error|kill|crash|lost/.test(kind)) return "failed";
  if (/alarm|drift|breach|rolled_?back|rollback/.test(kind)) return "alarm";
  if (/promot|pass|succe|ready|complete/.test(kind)) return "succeeded";
  return "other";
}

function row(event: ProjectEvent, zone: string): HTMLElement {
  return h("li", { "data-key": String(event.sequence), class: "event" },
    h("time", { datetime: event.clock, title: `at ${event.wall}` }, format.instant(event.clock || event.wall, zone)),
    h("span", { class: "event-kind", "data-sign": sign(event.kind) }, stateIcon(sign(event.kind)), event.kind.replaceAll("_", " ")),
    h("span", { class: "event-message" }, event.message));
}

export function eventsPanel(project: Project): HTMLElement {
  const events = [...project.events].sort((one, other) => other.sequence - one.sequence).slice(0, kMost);
  const options = { id: "events", title: "Events", shows: [events, project.time_zone] };
  if (events.length === 0) return panel({ ...options, empty: true }, () => [emptyState("Nothing has happened yet.")]);
  return panel({ ...options, aside: h("p", { class: "aside" }, "on the project's clock") }, () => [
    h("ol", { class: "events scroll tall", tabindex: 0, "aria-label": "Events, newest first", reversed: true }, ...events.map((event) => row(event, project.time_zone))),
  ]);
}
