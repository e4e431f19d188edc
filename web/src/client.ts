// Asks the server. Every failure is one of three kinds, because the page shows each differently.
import type { Project, ProjectSummary } from "./api";
import { decodeProject, decodeProjects } from "./decode";

export type Failure = "away" | "unauthenticated" | "not_found";

export class RequestError extends Error {
  constructor(readonly kind: Failure, message: string) {
    super(message);
  }
}

const kBase = "/api/keelson/v1";
const kTimeoutMs = 5000;
const kTokenKey = "keelson-token";

/** Keeps the token for this tab only; a server bound to loopback asks for none. */
export function rememberToken(token: string): void {
  sessionStorage.setItem(kTokenKey, token);
}

async function get(path: string): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json" };
  const token = sessionStorage.getItem(kTokenKey);
  if (token !== null) headers.authorization = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(kBase + path, { headers, cache: "no-store", signal: AbortSignal.timeout(kTimeoutMs) });
    if (response.ok) return await response.json();
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    throw new RequestError("away", timedOut ? `no answer in ${kTimeoutMs / 1000} s` : "no answer");
  }
  if (response.status === 401 || response.status === 403) {
    throw new RequestError("unauthenticated", token === null ? "" : "That token was refused.");
  }
  if (response.status === 404) throw new RequestError("not_found", path);
  throw new RequestError("away", `it answered ${response.status}`);
}

export async function fetchProjects(): Promise<ProjectSummary[]> {
  return decodeProjects(await get("/projects"));
}

export async function fetchProject(name: string): Promise<Project> {
  return decodeProject(await get(`/projects/${encodeURIComponent(name)}`));
}
