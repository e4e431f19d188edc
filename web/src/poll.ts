// Asks the server once a second while the page is visible, more slowly while it is away, and not at all while hidden.
import { fetchProject, fetchProjects, RequestError } from "./client";
import { projectInAddress } from "./route";
import type { State } from "./state";

const kIntervalMs = 1000;
const kLongestMs = 5000;

export class Poller {
  private state: State;
  private timer: number | undefined;
  private failures = 0;
  private round = 0; // an answer of an older round is dropped

  constructor(initial: State, private readonly changed: (state: State) => void) {
    this.state = initial;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.now()));
    window.addEventListener("hashchange", () => this.now());
  }

  /** Asks at once, whatever was planned. */
  now(): void {
    this.stop();
    void this.ask();
  }

  private stop(): void {
    this.round++;
    window.clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    const round = this.round;
    const begun = performance.now();
    const next = await this.answer();
    if (round !== this.round) return;
    this.failures = next.connection === "live" ? 0 : this.failures + 1;
    this.state = next;
    this.changed(next);
    const pause = Math.min(kIntervalMs * Math.max(1, this.failures), kLongestMs) - (performance.now() - begun);
    this.timer = window.setTimeout(() => this.now(), Math.max(pause, kIntervalMs / 4));
  }

  private async answer(): Promise<State> {
    try {
      const projects = await fetchProjects();
      const selected = projectInAddress() ?? projects[0]?.name ?? null;
      const known = projects.some((project) => project.name === selected);
      const project = known && selected !== null ? await fetchProject(selected) : null;
      return { connection: "live", trouble: "", heard: new Date(), projects, selected, project };
    } catch (error) {
      const kind = error instanceof RequestError ? error.kind : "away";
      const trouble = error instanceof Error ? error.message : "";
      if (kind === "not_found") return { ...this.state, connection: "live", heard: new Date(), project: null };
      return { ...this.state, connection: kind, trouble };
    }
  }
}
