// What a server would say of a project in the middle of its replay: the figures of examples/flights, made from a seed.

/** A small deterministic generator: the same fixture on every machine. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const kAsked = [28330, 28796, 28243, 29425, 29327, 27574, 28889, 27268, 28135];
const kLive = [0.741, 0.728, 0.763, 0.776, 0.752, 0.733, 0.731, 0.738, 0.757];
const kFrozen = [0.741, 0.703, 0.724, 0.731, 0.718, 0.689, 0.674, 0.701, 0.716];
const kLoglossLive = [0.468, 0.462, 0.521, 0.512, 0.446, 0.357, 0.389, 0.377, 0.552];
const kLoglossFrozen = [0.468, 0.481, 0.552, 0.54, 0.471, 0.398, 0.422, 0.401, 0.579];
const kAlarms = [1, 2, 2, 1, 1, 2, 1, 1, 2];
const kPromoted = [0, 1, 1, 1, 0, 1, 1, 0, 1];

function months(count) {
  return kAsked.slice(0, count).map((asked, index) => ({
    month: `2013-${String(index + 4).padStart(2, "0")}`,
    asked,
    labelled: Math.round(asked * 0.974),
    auc_live: kLive[index],
    auc_frozen: kFrozen[index],
    logloss_live: kLoglossLive[index],
    logloss_frozen: kLoglossFrozen[index],
    drift_alarms: kAlarms[index],
    retrainings: kAlarms[index],
    promotions: kPromoted[index],
  }));
}

const kColumns = [
  "dep_minute", "day_of_week", "carrier", "origin", "dest", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib",
  "route_delay_mean_7d", "carrier_delay_mean_1d", "origin_late_rate_3h", "score",
];

function drift(days) {
  const next = random(2013);
  const names = Array.from({ length: days }, (_, index) => new Date(Date.UTC(2013, 3, 1 + index)).toISOString().slice(0, 10));
  const values = kColumns.map((column, row) => names.map((_, day) => {
    const season = column === "temp" ? 0.1 + 0.34 * Math.sin((Math.PI * day) / 275) ** 2 : 0;
    const history = column.includes("delay") || column === "score" || column.includes("late")
      ? 0.16 * Math.abs(Math.sin(day / 23)) + (Math.abs(day - 105) < 12 || Math.abs(day - 255) < 9 ? 0.14 : 0) : 0;
    const schedule = row < 6 ? 0.02 + 0.04 * (day / 275) : 0.04;
    if (column === "precip" && day < 3) return null;
    return +(schedule + season + history + 0.05 * next()).toFixed(4);
  }));
  return { threshold: 0.25, columns: [...kColumns], days: names, values };
}

function step(name, kind, depends, state, more = {}) {
  return { name, kind, state, depends, fraction: state === "succeeded" ? 1 : 0, progress: "", error: "", seconds: null, ...more };
}

function version(number, created, aliases, auc, logloss, gate = "passed") {
  return {
    version: number, aliases, created, gate, metrics: { auc, logloss, calibration: 0.011 + number / 1000, rows: 240000 + number * 9000 },
    run_id: `${(number * 7919).toString(16).padStart(4, "0")}c2e84f1b4b7d9a60c3d2e1f0a9b8`,
  };
}

function event(sequence, clock, kind, message) {
  return { sequence, wall: "2026-11-22T01:40:07Z", clock, kind, message };
}

/** examples/flights shortly before Christmas: a retraining runs, a challenger takes a quarter of the traffic. */
export function flights() {
  return {
    name: "flight-delays", revision: "9f31c0de7a5b2e44", mode: "replay", clock: "2013-12-20T13:05:00Z", time_zone: "America/New_York",
    champion: 5, challenger: 6, canary: { step: 1, percent: 25, steps: [5, 25, 100], since: "2013-12-20T10:00:00Z" },
    endpoint: {
      name: "flight-delays", held: 0, in_flight: 3,
      versions: [
        { version: 5, weight: 75, requests: 38214, errors: 0, p50_ms: 0.31, p99_ms: 1.12,
          replicas: [{ name: "flight-delays-5-0", state: "ready", limits: "cgroup: 1 cpu, 512 MiB" }, { name: "flight-delays-5-1", state: "ready", limits: "cgroup: 1 cpu, 512 MiB" }] },
        { version: 6, weight: 25, requests: 1187, errors: 0, p50_ms: 0.33, p99_ms: 1.31,
          replicas: [{ name: "flight-delays-6-0", state: "starting", limits: "cgroup: 1 cpu, 512 MiB" }] },
      ],
    },
    pipeline: {
      id: "pipeline-17", cause: "drift of temp and score", state: "running", error: "", as_of: "2013-12-20T04:00:00Z",
      steps: [
        step("snapshot-flights", "snapshot", [], "skipped"),
        step("snapshot-weather", "snapshot", [], "skipped"),
        step("prepare", "sql", ["snapshot-flights", "snapshot-weather"], "succeeded", { seconds: 2.1 }),
        step("validate", "expectations", ["prepare"], "succeeded", { seconds: 0.4 }),
        step("features", "features", ["validate"], "succeeded", { seconds: 5.8 }),
        step("materialize", "materialize", ["validate"], "succeeded", { seconds: 1.3 }),
        step("train", "xgboost", ["features"], "running", { fraction: 0.62, progress: "round 124 of 200", seconds: 2.7 }),
        step("evaluate", "evaluate", ["train"], "pending"),
        step("register", "gate", ["evaluate"], "pending"),
        step("deploy", "canary", ["register", "materialize"], "pending"),
      ],
    },
    versions: [
      version(6, "2013-12-18T08:00:00Z", ["challenger"], 0.7352, 0.3871),
      version(5, "2013-11-12T08:00:00Z", ["champion"], 0.7331, 0.3688),
      version(4, "2013-10-09T08:00:00Z", [], 0.7224, 0.4402, "failed"),
      version(3, "2013-07-10T08:00:00Z", [], 0.7689, 0.5102),
      version(2, "2013-05-16T08:00:00Z", [], 0.7402, 0.4711),
      version(1, "2013-04-01T04:00:00Z", [], 0.7398, 0.4689),
    ],
    months: months(9),
    drift: drift(263),
    jobs: [
      { id: "job-0192", step: "train", kind: "xgboost", state: "running", progress: "round 124 of 200", fraction: 0.62, waiting: "", attempts: 1 },
      { id: "job-0193", step: "trial 14", kind: "search", state: "queued", progress: "", fraction: null, waiting: "2 of 2 CPUs of queue research are taken", attempts: 0 },
      { id: "job-0194", step: "trial 15", kind: "search", state: "queued", progress: "", fraction: null, waiting: "behind job-0193", attempts: 0 },
    ],
    refused_batches: 2,
    events: [
      event(412, "2013-12-20T10:00:00Z", "canary_step", "Version 6 takes 25 % of the traffic: no errors and p99 1.3 ms over 6 h at 5 %"),
      event(411, "2013-12-20T04:00:00Z", "retraining", "Training on 281 days up to 2013-12-20, because temp (0.31) and score (0.27) drifted over 0.25"),
      event(410, "2013-12-20T04:00:00Z", "drift_alarm", "temp 0.31 and score 0.27 against the training profile of version 5, threshold 0.25"),
      event(409, "2013-12-18T08:05:00Z", "gate_passed", "Version 6: auc 0.7352, champion 0.7331, needs 0.65"),
      event(402, "2013-12-03T12:00:00Z", "batch_refused", "weather, 24 rows: temp between -30 and 50 failed for 24 (example: 64.9); kept in quarantine"),
      event(388, "2013-11-13T08:00:00Z", "promoted", "Version 5 is champion: 100 % of the traffic"),
      event(361, "2013-10-09T08:05:00Z", "gate_failed", "Version 4: auc 0.7224 is worse than the champion's 0.7310; it is kept and not served"),
    ],
  };
}

/** A project that was applied and has done nothing yet. */
export function fresh(name = "churn") {
  return {
    name, revision: "0000000000aa", mode: "live", clock: "2026-11-22T01:40:00Z", time_zone: "UTC", champion: null, challenger: null,
    canary: null, endpoint: null, pipeline: null, versions: [], months: [], drift: null, jobs: [], refused_batches: 0, events: [],
  };
}
