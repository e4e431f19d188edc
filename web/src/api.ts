// The contract between the page and the server's own API. Numbers that may not be known yet are null.

export type Mode = "live" | "replay";

/** One entry of GET /api/keelson/v1/projects. */
export interface ProjectSummary {
  name: string;
  mode: Mode;
  clock: string;
  champion: number | null;
}

export interface Replica {
  name: string;
  state: string; // starting, ready, draining
  limits: string;
}

export interface ServedVersion {
  version: number;
  weight: number; // percent of the traffic
  requests: number | null;
  errors: number | null;
  p50_ms: number | null;
  p99_ms: number | null;
  replicas: Replica[];
}

export interface Endpoint {
  name: string;
  held: number | null; // requests that wait for a replica to start
  in_flight: number | null;
  versions: ServedVersion[];
}

export interface Canary {
  step: number; // index into steps
  percent: number;
  steps: number[];
  since: string;
}

export interface Step {
  name: string;
  kind: string;
  state: string; // pending, running, succeeded, failed, skipped
  depends: string[];
  fraction: number | null; // 0 to 1
  progress: string;
  error: string;
  seconds: number | null;
}

export interface Pipeline {
  id: string;
  cause: string;
  state: string; // running, succeeded, failed, refused
  error: string;
  as_of: string;
  steps: Step[];
}

export interface Version {
  version: number;
  aliases: string[];
  created: string;
  gate: string; // passed, failed
  metrics: Record<string, number | null>;
  run_id: string;
}

export interface Month {
  month: string; // 2013-04
  asked: number | null;
  labelled: number | null;
  auc_live: number | null;
  auc_frozen: number | null;
  logloss_live: number | null;
  logloss_frozen: number | null;
  drift_alarms: number | null;
  retrainings: number | null;
  promotions: number | null;
}

export interface Drift {
  threshold: number;
  columns: string[];
  days: string[]; // 2013-04-01
  values: (number | null)[][]; // one row a column, one value a day
}

export interface Job {
  id: string;
  step: string;
  kind: string;
  state: string;
  progress: string;
  fraction: number | null;
  waiting: string; // why it does not run yet
  attempts: number | null;
}

export interface ProjectEvent {
  sequence: number;
  wall: string;
  clock: string;
  kind: string;
  message: string;
}

/** GET /api/keelson/v1/projects/{name}. */
export interface Project {
  name: string;
  revision: string;
  mode: Mode;
  clock: string;
  time_zone: string;
  champion: number | null;
  challenger: number | null;
  canary: Canary | null;
  endpoint: Endpoint | null;
  pipeline: Pipeline | null;
  versions: Version[];
  months: Month[];
  drift: Drift | null;
  jobs: Job[];
  refused_batches: number | null;
  events: ProjectEvent[];
}
