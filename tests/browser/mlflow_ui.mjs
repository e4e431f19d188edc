// MLflow's own page on our server:
//   node tests/browser/mlflow_ui.mjs ADDRESS [PART_OF_A_NAME]
// of a server that was started with --mlflow-ui. It fills it first. The last line is "PASSED FAILED".
import { withBrowser } from "./browser.mjs";
import { Checks, equal, eventually, holds } from "./harness.mjs";

const [address, only] = process.argv.slice(2);
const kPatience = 60_000; // the page is five megabytes of script, and the machine may be busy

async function call(method, path, body) {
  const answer = await fetch(new URL(path, address), {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}
const post = (path, body) => call("POST", `/api/2.0/mlflow/${path}`, body);

async function fill() {
  const { experiment_id: experiment } = await post("experiments/create", { name: "harbour" });
  const runs = [];
  for (const [index, name] of ["calm-keel", "swift-keel", "odd-keel"].entries()) {
    const { run } = await post("runs/create", { experiment_id: experiment, run_name: name, start_time: Date.now() });
    const id = run.info.run_id;
    const points = Array.from({ length: 30 }, (_, step) => ({ key: "loss", value: (index + 1) / (step + 1), timestamp: 1000 + step, step }));
    await post("runs/log-batch", {
      run_id: id,
      metrics: [...points, { key: "auc", value: 0.7 + index / 100, timestamp: 1, step: 0 }],
      params: [{ key: "depth", value: String(4 + index) }],
      tags: [{ key: "team", value: "keel" }],
    });
    await call("PUT", `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${id}/artifacts/notes/hello.txt`, `hello of ${name}`);
    await call("PUT", `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${id}/artifacts/notes/MLmodel`, "flavors: {}\n");
    await post("runs/update", { run_id: id, status: "FINISHED", end_time: Date.now() });
    runs.push(id);
  }
  await post("registered-models/create", { name: "tides", description: "what the sea does" });
  await post("model-versions/create", { name: "tides", source: `mlflow-artifacts:/${experiment}/${runs[0]}/artifacts/notes`, run_id: runs[0] });
  await post("registered-models/alias", { name: "tides", alias: "champion", version: "1" });
  return { experiment, runs };
}

const page = (hash) => new URL(`/mlflow/#${hash}`, address).href;
// Whoever waits for words in the page waits for the call behind them too.
const shows = (tab, text) => tab.getByText(text, { exact: false }).first().waitFor({ timeout: kPatience });

async function open(tab, hash) {
  await tab.goto(page(hash), { timeout: kPatience });
}

const { experiment, runs } = await fill();
const counts = await withBrowser(async (context) => {
  const checks = new Checks(context, only);
  // The page's own libraries warn of themselves and of the machine's graphics.
  const check = (name, body) => checks.check(name, address, body, { expects: ["AG Grid: since", "GPU stall"] });

  await check("MLflow's page: the table of runs", async (tab) => {
    await open(tab, `/experiments/${experiment}/runs`);
    for (const name of ["calm-keel", "swift-keel", "odd-keel"]) await shows(tab, name);
    const search = tab.getByPlaceholder(/^metrics\./);
    await search.fill('metrics.auc > 0.705 and params.depth != "6"');
    await search.press("Enter");
    await eventually(async () => {
      holds(await tab.getByText("swift-keel").first().isVisible(), "the run that was searched for");
      for (const name of ["calm-keel", "odd-keel"]) equal(await tab.getByText(name).count(), 0, `rows of ${name}`);
    }, kPatience);
  });
  await check("MLflow's page: a run", async (tab) => {
    await open(tab, `/experiments/${experiment}/runs/${runs[1]}`);
    await shows(tab, "swift-keel");
    await shows(tab, "depth");
    await shows(tab, "0.71");
  });
  await check("MLflow's page: charts of metrics", async (tab) => {
    await open(tab, `/experiments/${experiment}/runs/${runs[0]}/model-metrics`);
    await tab.locator(".js-plotly-plot .scatterlayer path.js-line").first().waitFor({ timeout: kPatience, state: "attached" });
  });
  await check("MLflow's page: runs compared", async (tab) => {
    const query = new URLSearchParams({ runs: JSON.stringify(runs), experiments: JSON.stringify([experiment]) });
    await open(tab, `/compare-runs?${query}`);
    for (const name of ["calm-keel", "swift-keel", "odd-keel"]) await shows(tab, name);
    await shows(tab, "depth");
  });
  await check("MLflow's page: artifacts", async (tab) => {
    await open(tab, `/experiments/${experiment}/runs/${runs[2]}/artifacts/notes/hello.txt`);
    await shows(tab, "hello of odd-keel");
  });
  await check("MLflow's page: registered models", async (tab) => {
    await open(tab, "/models");
    await shows(tab, "tides");
    await open(tab, "/models/tides");
    await shows(tab, "what the sea does");
    await shows(tab, "champion");
    await open(tab, "/models/tides/versions/1");
    await shows(tab, "calm-keel");
  });
  return checks;
});
console.log(`${counts.passed} ${counts.failed}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
