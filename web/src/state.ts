// All that the page knows. Replaced as a whole by the poller; drawn by page.ts.
import type { Project, ProjectSummary } from "./api";

export type Connection = "connecting" | "live" | "away" | "unauthenticated";

export interface State {
  connection: Connection;
  trouble: string; // why it is away, or why a token was refused
  heard: Date | null; // when the server last answered
  projects: ProjectSummary[];
  selected: string | null; // the project that the address names, or the first
  project: Project | null; // null: none yet, or there is no such project
}

export const kInitial: State = {
  connection: "connecting", trouble: "", heard: null, projects: [], selected: null, project: null,
};
