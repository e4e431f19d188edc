"""The clients that people use, `mlflow` itself above all, against our server: nothing of theirs is changed but the address."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="2", MLFLOW_ENABLE_ASYNC_LOGGING="false", GIT_PYTHON_REFRESH="quiet",
                  MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT="1")

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import mlflow.entities.trace_metrics
import mlflow.genai.datasets
import numpy as np
import pandas as pd
import sklearn.linear_model
import xgboost
from mlflow.exceptions import MlflowException

import servers

KEELSON = sys.argv.pop(1)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.server = servers.keelson(KEELSON, cls.path)
        mlflow.set_tracking_uri(cls.server.address)
        mlflow.set_registry_uri(cls.server.address)
        cls.client = mlflow.MlflowClient()
        rng = np.random.default_rng(7)
        cls.x = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
        cls.y = (cls.x["a"] + cls.x["b"] > 0).astype(int)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def setUp(self):
        mlflow.set_experiment(self.id().rsplit(".", 1)[1])

    def test_fluent_logging_reads_back(self):
        with mlflow.start_run(run_name="first", tags={"stage": "dev"}) as run:
            mlflow.log_params({"depth": 6, "eta": 0.3})
            for step in range(5):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_metrics({"auc": 0.7, "bad": float("nan"), "huge": float("inf")})
            mlflow.set_tag("mlflow.note.content", "grüße")
            mlflow.log_text("hello", "notes/hello.txt")
            mlflow.log_dict({"a": [1, 2]}, "config.json")
            figure, axes = plt.subplots()
            axes.plot([1, 2, 3])
            mlflow.log_figure(figure, "plots/line.png")
            plt.close(figure)
            mlflow.log_table({"q": ["x", "y"], "n": [1, 2]}, "table.json")
            mlflow.log_table({"q": ["z"], "n": [3]}, "table.json")
        read = self.client.get_run(run.info.run_id)
        self.assertEqual(read.info.status, "FINISHED")
        self.assertEqual(read.info.run_name, "first")
        self.assertEqual(read.data.params, {"depth": "6", "eta": "0.3"})
        self.assertEqual(read.data.metrics["loss"], 0.2)
        self.assertTrue(np.isnan(read.data.metrics["bad"]))
        self.assertEqual(read.data.metrics["huge"], 1.7976931348623157e308)
        self.assertEqual(read.data.tags["mlflow.note.content"], "grüße")
        history = self.client.get_metric_history(run.info.run_id, "loss")
        self.assertEqual([(point.step, point.value) for point in history], [(i, 1 / (i + 1)) for i in range(5)])
        listed = sorted(item.path for item in self.client.list_artifacts(run.info.run_id))
        self.assertEqual(listed, ["config.json", "notes", "plots", "table.json"])
        self.assertEqual(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt"), "hello")
        self.assertEqual(mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config.json"), {"a": [1, 2]})
        self.assertEqual(len(mlflow.load_table("table.json", run_ids=[run.info.run_id])), 3)
        image = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/plots/line.png")
        self.assertEqual(pathlib.Path(image).read_bytes()[:4], b"\x89PNG")

    def test_a_param_changes_never_and_a_repeated_write_is_no_error(self):
        with mlflow.start_run():
            mlflow.log_param("p", 1)
            mlflow.log_param("p", 1)
            with self.assertRaisesRegex(MlflowException, "Changing param values is not allowed"):
                mlflow.log_param("p", 2)

    def test_nested_runs_are_found_by_their_parent(self):
        with mlflow.start_run() as parent:
            for depth in (2, 4, 6):
                with mlflow.start_run(nested=True):
                    mlflow.log_param("depth", depth)
                    mlflow.log_metric("auc", depth / 10)
        found = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}' AND metrics.auc > 0.3",
                                   order_by=["metrics.auc DESC"])
        self.assertEqual(list(found["params.depth"]), ["6", "4"])

    def test_pages_hold_still_while_runs_are_logged(self):
        experiment = mlflow.get_experiment_by_name(self.id().rsplit(".", 1)[1]).experiment_id
        ids = [self.client.create_run(experiment, start_time=1000 + i).info.run_id for i in range(25)]
        seen, token = [], None
        while True:
            page = self.client.search_runs([experiment], max_results=10, page_token=token)
            seen += [run.info.run_id for run in page]
            token = page.token
            if not token:
                break
            self.client.create_run(experiment, start_time=9_000_000 + len(seen))  # newer than all: at the front
        self.assertEqual(seen, ids[::-1])

    def test_autolog_of_sklearn(self):
        mlflow.sklearn.autolog(log_datasets=True)
        try:
            with mlflow.start_run() as run:
                sklearn.linear_model.LogisticRegression(C=0.5).fit(self.x, self.y)
        finally:
            mlflow.sklearn.autolog(disable=True)
        read = self.client.get_run(run.info.run_id)
        self.assertEqual(read.data.params["C"], "0.5")
        self.assertIn("training_accuracy_score", read.data.metrics)
        self.assertEqual(len(read.inputs.dataset_inputs), 1)
        self.assertEqual(len(read.outputs.model_outputs), 1)
        model = mlflow.sklearn.load_model(f"models:/{read.outputs.model_outputs[0].model_id}")
        self.assertEqual(model.C, 0.5)
        found = self.client.search_runs([read.info.experiment_id], "datasets.context = 'train'")
        self.assertEqual([each.info.run_id for each in found], [run.info.run_id])

    def test_autolog_of_xgboost(self):
        mlflow.xgboost.autolog()
        try:
            with mlflow.start_run() as run:
                data = xgboost.DMatrix(self.x, self.y)
                xgboost.train({"max_depth": 2, "objective": "binary:logistic", "nthread": 1}, data, 4,
                              evals=[(data, "train")], verbose_eval=False)
        finally:
            mlflow.xgboost.autolog(disable=True)
        read = self.client.get_run(run.info.run_id)
        self.assertEqual(read.data.params["max_depth"], "2")
        self.assertEqual(len(self.client.get_metric_history(run.info.run_id, "train-logloss")), 4)
        self.assertIn("feature_importance_weight.json", [f.path for f in self.client.list_artifacts(run.info.run_id)])

    def test_models_are_registered_with_aliases_and_loaded(self):
        name = "classifier"
        model = sklearn.linear_model.LogisticRegression().fit(self.x, self.y)
        with mlflow.start_run():
            first = mlflow.sklearn.log_model(model, name="model", registered_model_name=name, input_example=self.x[:2],
                                             skops_trusted_types=None)
            second = mlflow.sklearn.log_model(model, name="again", params={"kind": "second"})
        version = mlflow.register_model(f"models:/{second.model_id}", name)
        self.assertEqual(int(version.version), 2)
        self.client.set_registered_model_alias(name, "champion", 1)
        self.client.set_registered_model_alias(name, "challenger", 2)
        self.client.set_model_version_tag(name, "2", "checked", "yes")
        self.client.update_model_version(name, "2", "the second")
        loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
        np.testing.assert_array_equal(loaded.predict(self.x), model.predict(self.x))
        np.testing.assert_array_equal(mlflow.sklearn.load_model(f"models:/{name}/2").predict(self.x), model.predict(self.x))
        self.assertEqual(self.client.get_model_version_by_alias(name, "challenger").version, "2")
        self.assertEqual(self.client.get_registered_model(name).aliases, {"champion": "1", "challenger": "2"})
        self.assertEqual([v.version for v in self.client.search_model_versions(f"name = '{name}'")], ["2", "1"])
        self.assertEqual(self.client.get_logged_model(second.model_id).params, {"kind": "second"})
        self.assertEqual(first.model_id, self.client.get_logged_model(first.model_id).model_id)
        self.client.transition_model_version_stage(name, "1", "Production")
        self.assertEqual(self.client.get_latest_versions(name, ["Production"])[0].version, "1")
        self.client.delete_registered_model_alias(name, "champion")
        self.client.delete_model_version(name, "2")
        self.assertEqual(self.client.get_registered_model(name).aliases, {})
        copied = self.client.copy_model_version(f"models:/{name}/1", "copy")
        self.assertEqual(copied.name, "copy")
        self.client.rename_registered_model(name, "renamed")
        self.assertEqual(self.client.get_model_version("renamed", "1").current_stage, "Production")

    def test_logged_models_are_searched(self):
        with mlflow.start_run():
            for quality in (0.1, 0.9):
                info = mlflow.sklearn.log_model(sklearn.linear_model.LogisticRegression().fit(self.x, self.y), name="m",
                                                params={"q": quality})
                mlflow.log_metric("score", quality, model_id=info.model_id)
        found = mlflow.search_logged_models(filter_string="metrics.score > 0.5", output_format="list")
        self.assertEqual([model.params["q"] for model in found], ["0.9"])
        ordered = mlflow.search_logged_models(order_by=[{"field_name": "metrics.score", "ascending": True}],
                                              output_format="list")
        self.assertEqual([model.params["q"] for model in ordered], ["0.1", "0.9"])

    def test_experiments_are_deleted_and_restored(self):
        one = self.client.create_experiment("to be deleted", tags={"team": "ranking"})
        run = self.client.create_run(one)
        self.client.delete_experiment(one)
        self.assertEqual(self.client.get_experiment(one).lifecycle_stage, "deleted")
        self.assertEqual(self.client.get_run(run.info.run_id).info.lifecycle_stage, "deleted")
        with self.assertRaisesRegex(MlflowException, "must be in the 'active' state"):
            self.client.log_metric(run.info.run_id, "m", 1)
        self.client.restore_experiment(one)
        self.client.log_metric(run.info.run_id, "m", 1)
        self.client.rename_experiment(one, "kept")
        names = [e.name for e in self.client.search_experiments(filter_string="tags.team = 'ranking'")]
        self.assertEqual(names, ["kept"])

    def test_prompts(self):
        mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}", tags={"lang": "en"})
        mlflow.genai.register_prompt(name="greeting", template="Hi {{name}}")
        self.assertEqual(mlflow.genai.load_prompt("prompts:/greeting/1").template, "Hello {{name}}")
        mlflow.genai.set_prompt_alias("greeting", "live", 2)
        self.assertEqual(mlflow.genai.load_prompt("prompts:/greeting@live").template, "Hi {{name}}")
        self.assertNotIn("greeting", [m.name for m in self.client.search_registered_models()])

    def test_prompts_are_searched(self):
        self.client.create_registered_model("search-not-a-prompt")
        for name, language in (("search-b", "en"), ("search-a", "en"), ("search-c", "de")):
            mlflow.genai.register_prompt(name=name, template="{{x}}", tags={"lang": language})
        mlflow.genai.register_prompt(name="search-a", template="{{y}}")
        self.client.set_prompt_tag("search-c", "lang", "fr")
        names = lambda *arguments, **options: [each.name for each in self.client.search_prompts(*arguments, **options)]
        self.assertEqual(names("name LIKE 'search-%'"), ["search-a", "search-b", "search-c"])
        self.assertEqual(names("name = 'search-b'"), ["search-b"])
        self.assertEqual(names("name LIKE 'search-%' AND tag.lang = 'en'"), ["search-a", "search-b"])
        self.assertEqual(names("tags.lang = 'fr'"), ["search-c"])
        page = self.client.search_prompts("name LIKE 'search-%'", max_results=2)
        self.assertEqual([each.name for each in page], ["search-a", "search-b"])
        self.assertEqual(names("name LIKE 'search-%'", max_results=2, page_token=page.token), ["search-c"])
        self.assertEqual([each.version for each in self.client.search_prompt_versions("search-a")], [2, 1])

    def test_evaluation_datasets(self):
        datasets = mlflow.genai.datasets
        experiment = mlflow.get_experiment_by_name("test_evaluation_datasets").experiment_id
        made = datasets.create_dataset("questions", experiment, {"stage": "dev", "gone": "soon"})
        made.merge_records([{"inputs": {"q": "größe"}, "expectations": {"answer": 4.5}}, {"inputs": {"q": "why", "more": [1, None]}, "outputs": "because"}])
        made.merge_records(pd.DataFrame([{"inputs": {"q": "größe"}, "expectations": {"source": "book"}}]))
        with mlflow.start_span("asked") as span:
            span.set_inputs({"q": "traced"})
            span.set_outputs({"a": 1})
        mlflow.flush_trace_async_logging()
        made.merge_records([mlflow.get_trace(span.trace_id)])
        read = datasets.get_dataset(dataset_id=made.dataset_id)
        self.assertEqual((read.name, read.experiment_ids, json.loads(read.profile)), ("questions", [experiment], {"num_records": 3}))
        self.assertEqual(json.loads(read.schema)["inputs"], {"q": "string", "more": "array"})
        records = {record.inputs["q"]: record for record in self.client.get_dataset(made.dataset_id).records}
        self.assertEqual(records["größe"].expectations, {"answer": 4.5, "source": "book"})
        self.assertEqual((records["größe"].source_type, records["why"].source_type, records["why"].outputs), ("HUMAN", "CODE", "because"))
        self.assertEqual((records["traced"].source_id, records["traced"].outputs), (span.trace_id, {"a": 1}))
        self.assertEqual(sorted(read.to_df()["inputs"].map(lambda inputs: inputs["q"])), ["größe", "traced", "why"])
        datasets.set_dataset_tags(made.dataset_id, {"stage": "prod"})
        datasets.delete_dataset_tag(made.dataset_id, "gone")
        other = self.client.create_experiment("test_evaluation_datasets beside")
        datasets.add_dataset_to_experiments(made.dataset_id, [other])
        self.assertEqual([each.dataset_id for each in datasets.search_datasets([other], "tags.stage = 'prod' AND name LIKE 'quest%'")], [made.dataset_id])
        datasets.remove_dataset_from_experiments(made.dataset_id, [experiment])
        self.assertEqual(datasets.search_datasets([experiment]), [])
        self.assertEqual(made.delete_records([records["why"].dataset_record_id]), 1)
        made.merge_records([{"inputs": {"n": each}} for each in range(1500)])  # more than a page of the client's
        self.assertEqual(len(self.client.get_dataset(made.dataset_id).records), 1502)
        datasets.delete_dataset(dataset_id=made.dataset_id)
        with self.assertRaisesRegex(MlflowException, "not found"):
            datasets.get_dataset(dataset_id=made.dataset_id)

    def test_sums_over_traces(self):
        @mlflow.trace(name="measured")
        def measured(number):
            mlflow.get_current_active_span().set_attributes({"mlflow.llm.model": f"m{number % 2}", "mlflow.llm.cost": {"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}})

        for number in range(4):
            measured(number)
        mlflow.flush_trace_async_logging()
        store = mlflow.tracking._tracking_service.utils._get_store()
        entities = mlflow.entities.trace_metrics
        ask = lambda view, name, kind, *dimensions: {tuple(point.dimensions.values()): point.values for point in store.query_trace_metrics(
            [mlflow.get_experiment_by_name("test_sums_over_traces").experiment_id], view, name, [kind], dimensions=list(dimensions))}
        count, total = (entities.MetricAggregation(kind) for kind in (entities.AggregationType.COUNT, entities.AggregationType.SUM))
        self.assertEqual(ask(entities.MetricViewType.TRACES, "trace_count", count, "trace_name"), {("measured",): {"COUNT": 4.0}})
        self.assertEqual(ask(entities.MetricViewType.SPANS, "total_cost", total, "span_model_name"), {("m0",): {"SUM": 1.5}, ("m1",): {"SUM": 1.5}})

    def test_command_line(self):
        def run(*arguments):
            done = subprocess.run([sys.executable, "-m", "mlflow", *arguments], capture_output=True, text=True,
                                  env={**os.environ, "MLFLOW_TRACKING_URI": self.server.address}, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            return done.stdout

        run("experiments", "create", "--experiment-name", "by hand")
        experiment = self.client.get_experiment_by_name("by hand").experiment_id
        made = self.client.create_run(experiment)
        self.client.log_text(made.info.run_id, "kept", "kept.txt")
        self.assertIn(made.info.run_id, run("runs", "list", "--experiment-id", experiment))
        where = run("artifacts", "download", "--run-id", made.info.run_id, "--artifact-path", "kept.txt").strip()
        self.assertEqual(pathlib.Path(where.splitlines()[-1]).read_text(), "kept")

    def test_raw_calls_of_the_documentation(self):
        for prefix in ("/api/2.0", "/ajax-api/2.0", "/mlflow/api/2.0", "/mlflow/ajax-api/2.0"):
            status, made = servers.call(self.server.address, "POST", prefix + "/mlflow/runs/create",
                                        {"experiment_id": "0", "start_time": 1, "unknown": {"is": "ignored"}})
            self.assertEqual(status, 200, made)
            run = made["run"]["info"]["run_id"]
            status, read = servers.call(self.server.address, "GET", f"{prefix}/mlflow/runs/get?run_id={run}")
            self.assertEqual((status, read["run"]["info"]["status"]), (200, "RUNNING"))
        status, answer = servers.call(self.server.address, "GET", "/api/3.0/mlflow/workspaces")
        self.assertEqual((status, answer["error_code"]), (501, "NOT_IMPLEMENTED"))
        for root in ("", "/mlflow"):
            self.assertEqual(servers.call(self.server.address, "GET", root + "/version"), (200, "3.17.2"))
            self.assertEqual(servers.call(self.server.address, "GET", root + "/health"), (200, "OK"))

    def test_system_metrics(self):
        mlflow.set_system_metrics_sampling_interval(0.05)
        self.addCleanup(mlflow.set_system_metrics_sampling_interval, None)
        wanted = {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes", "system/disk_usage_percentage"}
        with mlflow.start_run(log_system_metrics=True) as run:
            until = time.monotonic() + servers.PATIENCE_S
            while time.monotonic() < until and not wanted <= self.client.get_run(run.info.run_id).data.metrics.keys():
                time.sleep(0.05)
        self.assertLessEqual(wanted, self.client.get_run(run.info.run_id).data.metrics.keys())

    def test_promotion_rules_hold_for_a_client_of_mlflow(self):
        model = "ruled"
        with mlflow.start_run() as run:
            mlflow.log_metric("auc", 0.6)
        self.client.create_registered_model(model)
        self.client.create_model_version(model, f"runs:/{run.info.run_id}/model", run.info.run_id)
        ours = f"/api/keelson/v1/models/{model}"
        rules = {"rules": [{"alias": "champion", "metrics": [{"name": "auc", "at_least": 0.7}], "tags": {"reviewed": None}, "approvals": 1}]}
        call = lambda method, path, body=None: servers.call(self.server.address, method, ours + path, body)
        self.assertEqual(call("POST", "/promotion", rules)[0], 200)
        self.assertEqual(call("GET", "/promotion"), (200, rules))
        self.assertEqual(call("POST", "/promotion", {"rules": [{"alias": "champion", "approvers": 1}]})[0], 400)
        self.assertEqual(call("GET", "/promotion"), (200, rules))
        with self.assertRaises(MlflowException) as refused:
            self.client.set_registered_model_alias(model, "champion", "1")
        self.assertEqual(refused.exception.error_code, "PERMISSION_DENIED")
        for missing in ("auc", "reviewed", "approval"):
            self.assertIn(missing, str(refused.exception))
        self.client.log_metric(run.info.run_id, "auc", 0.8, step=1)
        self.client.set_model_version_tag(model, "1", "reviewed", "yes")
        self.assertEqual(call("POST", "/versions/1/approvals", {"alias": "champion", "who": "ann"})[0], 200)
        self.client.set_registered_model_alias(model, "champion", "1")
        self.assertEqual(self.client.get_model_version_by_alias(model, "champion").version, "1")
        self.assertEqual(servers.call(self.server.address, "GET", "/api/keelson/v1/models/nobody/promotion")[0], 404)

    def test_hostile_artifact_paths_stay_outside(self):
        run = self.client.create_run("0").info.run_id
        root = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
        for path in ("../../x", "%2e%2e/%2e%2e/x", "..%2f..%2fx", "%252e%252e/x", "a/../../../x", "a%00b",
                     "a%5c..%5cx", "a%23b"):
            for method in ("PUT", "GET", "DELETE"):
                status, answer = servers.call(self.server.address, method, f"{root}/{path}", b"x" if method == "PUT" else None)
                self.assertIn(status, (400, 404), (method, path, answer))
        outside = self.path / "outside"
        outside.mkdir()
        (outside / "secret").write_text("secret")
        (self.path / "data" / "artifacts" / "0" / run / "artifacts").mkdir(parents=True, exist_ok=True)
        (self.path / "data" / "artifacts" / "0" / run / "artifacts" / "link").symlink_to(outside)
        for method in ("PUT", "GET"):
            status, answer = servers.call(self.server.address, method, f"{root}/link/secret", b"x" if method == "PUT" else None)
            self.assertEqual(status, 400, answer)
        self.assertEqual((outside / "secret").read_text(), "secret")
        self.assertEqual(sorted(each.name for each in self.path.iterdir()), ["address", "data", "outside", "server.log"])

    def test_tracing_decorators_feedback_and_search(self):
        @mlflow.trace(span_type="TOOL")
        def add_one(x):
            return x + 1

        @mlflow.trace(name="answer", attributes={"kind": "test"})
        def answer(x, fail=False):
            mlflow.update_current_trace(tags={"stage": "dev"}, metadata={"mlflow.trace.session": "s1"}, client_request_id="c1")
            if fail:
                raise ValueError("no")
            return {"largest": add_one(x), "text": "größe"}

        with mlflow.start_run() as run:
            answer(1)
        trace_id = mlflow.get_last_active_trace_id()
        with self.assertRaises(ValueError):
            answer(2, fail=True)
        failed_id = mlflow.get_last_active_trace_id()
        mlflow.flush_trace_async_logging()
        trace = mlflow.get_trace(trace_id)
        self.assertEqual([span.name for span in trace.data.spans], ["answer", "add_one"])
        self.assertEqual(trace.data.spans[1].span_type, "TOOL")
        self.assertEqual(trace.data.spans[0].inputs, {"x": 1, "fail": False})
        self.assertEqual(trace.data.spans[0].outputs, {"largest": 2, "text": "größe"})
        self.assertEqual(trace.data.spans[0].get_attribute("kind"), "test")
        self.assertEqual(trace.info.client_request_id, "c1")
        self.assertEqual(trace.info.state, "OK")
        failed = mlflow.get_trace(failed_id)
        self.assertEqual(failed.info.state, "ERROR")
        self.assertEqual(failed.data.spans[0].events[0].name, "exception")

        experiment = trace.info.experiment_id
        search = lambda text, **more: [t.info.trace_id for t in mlflow.search_traces(locations=[experiment], filter_string=text, return_type="list", **more)]
        self.assertEqual(search("status = 'OK' AND tags.stage = 'dev'"), [trace_id])
        self.assertEqual(search("trace.text LIKE '%größe%'"), [trace_id])
        self.assertEqual(search("span.name = 'add_one' AND span.type = 'TOOL'"), [trace_id])
        self.assertEqual(search("span.attributes.kind LIKE '%test%'", order_by=["timestamp_ms ASC"]), [trace_id, failed_id])
        self.assertEqual(search(f"run_id = '{run.info.run_id}'"), [trace_id])
        self.assertEqual(len(mlflow.search_traces(locations=[experiment])), 2)  # as a data frame

        human = mlflow.entities.AssessmentSource(source_type="HUMAN", source_id="ann")
        feedback = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, rationale="it is", source=human, metadata={"a": "b"})
        mlflow.log_feedback(trace_id=failed_id, name="score", value=0.25)
        mlflow.log_feedback(trace_id=failed_id, name="judge", error=ValueError("no judge"))
        expectation = mlflow.log_expectation(trace_id=trace_id, name="expected", value={"largest": [2, 3.5]}, source=human)
        self.assertEqual(search("feedback.good = 'true'"), [trace_id])
        self.assertEqual(search("feedback.score < 0.5"), [failed_id])
        self.assertEqual(search("expectation.expected IS NOT NULL"), [trace_id])
        read = mlflow.get_assessment(trace_id, expectation.assessment_id)
        self.assertEqual(read.value, {"largest": [2, 3.5]})
        mlflow.override_feedback(trace_id=trace_id, assessment_id=feedback.assessment_id, value=False)
        self.assertEqual(search("feedback.good = 'true'"), [])
        mlflow.update_assessment(trace_id, expectation.assessment_id, mlflow.entities.Expectation(name="expected", value="two"))
        self.assertEqual(mlflow.get_assessment(trace_id, expectation.assessment_id).value, "two")
        mlflow.delete_assessment(trace_id, expectation.assessment_id)
        self.assertEqual(sorted(a.name for a in mlflow.get_trace(trace_id).info.assessments), ["good", "good"])

        mlflow.set_trace_tag(trace_id, "later", "1")
        self.client.delete_trace_tag(trace_id, "stage")
        self.assertEqual(search("tags.later = '1' AND tags.stage IS NULL"), [trace_id])
        other = self.client.create_run(experiment).info.run_id
        self.client.link_traces_to_run([failed_id], other)
        self.assertEqual(search(f"run_id = '{other}'"), [failed_id])
        self.assertEqual(self.client.delete_traces(experiment, trace_ids=[failed_id]), 1)
        self.assertEqual(search(""), [trace_id])

    def test_an_artifact_of_any_size_comes_and_goes(self):
        content = np.random.default_rng(1).bytes(90_000_000)
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(folder)
            (here / "large.bin").write_bytes(content)
            with mlflow.start_run() as run:
                mlflow.log_artifact(here / "large.bin", "checkpoints")
            back = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/checkpoints/large.bin", dst_path=here / "back")
            self.assertTrue(pathlib.Path(back).read_bytes() == content)
        self.assertEqual(self.client.list_artifacts(run.info.run_id, "checkpoints")[0].file_size, len(content))

    def test_what_is_too_large_is_refused_and_sql_in_filters_is_text(self):
        run = self.client.create_run("0").info.run_id
        call = lambda path, body: servers.call(self.server.address, "POST", "/api/2.0/mlflow/" + path, body)
        status, answer = call("runs/set-tag", {"run_id": run, "key": "k" * 251, "value": "x"})
        self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"))
        self.client.set_tag(run, "long", "x" * 8001)  # cut, as MLflow cuts it
        self.assertEqual(len(self.client.get_run(run).data.tags["long"]), 8000)
        status, answer = call("runs/log-batch", {"run_id": run, "metrics": [
            {"key": "m", "value": 1, "timestamp": i} for i in range(1001)]})
        self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"))
        try:
            status, answer = call("runs/set-tag", b'{"run_id": "x", "key": "k", "value": "' + b"x" * 100_000_000 + b'"}')
            self.assertEqual(status, 413)
        except OSError:
            pass  # refused while it was still being sent
        many = {"run_id": run, "params": [{"key": f"p{i}", "value": "v"} for i in range(1_000_000)]}
        status, answer = call("runs/log-batch", many)
        self.assertEqual((status, answer["error_code"]), (400, "INVALID_PARAMETER_VALUE"))
        self.assertEqual(self.client.get_run(run).data.params, {})
        for text in ("params.a = ''' OR 1=1 --'", "params.a = 'x''; DROP TABLE run; --'", "params.`a' OR '1'='1` = 'x'"):
            status, answer = call("runs/search", {"experiment_ids": ["0"], "filter": text})
            self.assertEqual((status, answer), (200, {}), text)
        self.assertEqual(self.client.get_run(run).info.run_id, run)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
