// The frame of every panel, and the memory that leaves a panel alone while what it shows has not changed.
import type { Project } from "./api";
import { h, type Child } from "./dom";

const drawn = new Map<string, string>();

export interface PanelOptions {
  id: string;
  title: string;
  aside?: Child; // beside the title
  shows: unknown; // all that the content depends on
  empty?: boolean;
}

/** The width that a panel's content has, in pixels; a guess before it was first laid out. */
export function contentWidth(id: string): number {
  return document.getElementById(`${id}-content`)?.clientWidth ?? 640;
}

export function panel(options: PanelOptions, build: (width: number) => Child[]): HTMLElement {
  const { id, title, aside, shows, empty = false } = options;
  const width = contentWidth(id);
  const fingerprint = JSON.stringify([shows, width]);
  const section = h("section", { class: `panel panel-${id}`, id, "data-key": id, "aria-labelledby": `${id}-title` });
  if (drawn.get(id) === fingerprint && document.getElementById(id) !== null) {
    section.setAttribute("data-keep", "");
    return section;
  }
  drawn.set(id, fingerprint);
  section.append(
    h("div", { class: "panel-head" }, h("h2", { id: `${id}-title` }, title), aside),
    h("div", { class: empty ? "panel-content is-empty" : "panel-content", id: `${id}-content` }, ...build(width)),
  );
  return section;
}

/** The command that brings the first predictions. */
export function asking({ mode, name }: Project): string {
  return `keelson ${mode === "replay" ? "replay" : "predict"} ${name}`;
}

/** What an empty panel says: what will stand here, and the command that brings it. */
export function emptyState(what: string, command?: string): HTMLElement {
  return h("div", { class: "empty" }, h("p", null, what), command ? h("code", { class: "command" }, command) : null);
}
