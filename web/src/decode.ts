// Turns what the server answered into the types of api.ts. A field that is missing or of another type becomes its empty value:
// one wrong figure must not take the whole page away.
import type {
  Canary, Drift, Endpoint, Job, Mode, Month, Pipeline, Project, ProjectEvent, ProjectSummary, Replica, ServedVersion, Step,
  Version,
} from "./api";

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const list = <T>(value: unknown, each: (item: unknown) => T): T[] => (Array.isArray(value) ? value.map(each) : []);
const nullable = <T>(value: unknown, decode: (item: unknown) => T): T | null =>
  typeof value === "object" && value !== null ? decode(value) : null;
const mode = (value: unknown): Mode => (value === "replay" ? "replay" : "live");

function replica(value: unknown): Replica {
  const from = fields(value);
  return { name: text(from.name), state: text(from.state), limits: text(from.limits) };
}

function servedVersion(value: unknown): ServedVersion {
  const from = fields(value);
  return {
    version: number(from.version) ?? 0,
    weight: number(from.weight) ?? 0,
    requests: number(from.requests),
    errors: number(from.errors),
    p50_ms: number(from.p50_ms),
    p99_ms: number(from.p99_ms),
    replicas: list(from.replicas, replica),
  };
}

function endpoint(value: unknown): Endpoint {
  const from = fields(value);
  return {
    name: text(from.name),
    held: number(from.held),
    in_flight: number(from.in_flight),
    versions: list(from.versions, servedVersion),
  };
}

function canary(value: unknown): Canary {
  const from = fields(value);
  return {
    step: number(from.step) ?? 0,
    percent: number(from.percent) ?? 0,
    steps: list(from.steps, (step) => number(step) ?? 0),
    since: text(from.since),
  };
}

function step(value: unknown): Step {
  const from = fields(value);
  return {
    name: text(from.name),
    kind: text(from.kind),
    state: text(from.state),
    depends: list(from.depends, text),
    fraction: number(from.fraction),
    progress: text(from.progress),
    error: text(from.error),
    seconds: number(from.seconds),
  };
}

function pipeline(value: unknown): Pipeline {
  const from = fields(value);
  return {
    id: text(from.id),
    cause: text(from.cause),
    state: text(from.state),
    error: text(from.error),
    as_of: text(from.as_of),
    steps: list(from.steps, step),
  };
}

function version(value: unknown): Version {
  const from = fields(value);
  return {
    version: number(from.version) ?? 0,
    aliases: list(from.aliases, text),
    created: text(from.created),
    gate: text(from.gate),
    metrics: Object.fromEntries(Object.entries(fields(from.metrics)).map(([name, metric]) => [name, number(metric)])),
    run_id: text(from.run_id),
  };
}

function month(value: unknown): Month {
  const from = fields(value);
  return {
    month: text(from.month),
    asked: number(from.asked),
    labelled: number(from.labelled),
    auc_live: number(from.auc_live),
    auc_frozen: number(from.auc_frozen),
    logloss_live: number(from.logloss_live),
    logloss_frozen: number(from.logloss_frozen),
    drift_alarms: number(from.drift_alarms),
    retrainings: number(from.retrainings),
    promotions: number(from.promotions),
  };
}

function drift(value: unknown): Drift {
  const from = fields(value);
  return {
    threshold: number(from.threshold) ?? 0,
    columns: list(from.columns, text),
    days: list(from.days, text),
    values: list(from.values, (row) => list(row, number)),
  };
}

function job(value: unknown): Job {
  const from = fields(value);
  return {
    id: text(from.id),
    step: text(from.step),
    kind: text(from.kind),
    state: text(from.state),
    progress: text(from.progress),
    fraction: number(from.fraction),
    waiting: text(from.waiting),
    attempts: number(from.attempts),
  };
}

function event(value: unknown): ProjectEvent {
  const from = fields(value);
  return {
    sequence: number(from.sequence) ?? 0,
    wall: text(from.wall),
    clock: text(from.clock),
    kind: text(from.kind),
    message: text(from.message),
  };
}

export function decodeProjects(value: unknown): ProjectSummary[] {
  return list(fields(value).projects, (item) => {
    const from = fields(item);
    return { name: text(from.name), mode: mode(from.mode), clock: text(from.clock), champion: number(from.champion) };
  });
}

export function decodeProject(value: unknown): Project {
  const from = fields(value);
  return {
    name: text(from.name),
    revision: text(from.revision),
    mode: mode(from.mode),
    clock: text(from.clock),
    time_zone: text(from.time_zone),
    champion: number(from.champion),
    challenger: number(from.challenger),
    canary: nullable(from.canary, canary),
    endpoint: nullable(from.endpoint, endpoint),
    pipeline: nullable(from.pipeline, pipeline),
    versions: list(from.versions, version),
    months: list(from.months, month),
    drift: nullable(from.drift, drift),
    jobs: list(from.jobs, job),
    refused_batches: number(from.refused_batches),
    events: list(from.events, event),
  };
}
