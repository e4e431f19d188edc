"""The cases of src/wire/mlflow/testdata/graphql.txt, which Keelson's unit tests answer, asked of the schema and library of the
installed MLflow. `graphql_test.py --write` puts what these say into the file."""
import json
import pathlib
import re
import sys
import unittest

from google.protobuf import json_format
from graphql import parse
from mlflow.exceptions import MlflowException
from mlflow.protos import model_registry_pb2, service_pb2
from mlflow.server import handlers
from mlflow.server.graphql.graphql_no_batching import check_query_safety
from mlflow.server.graphql.graphql_schema_extensions import schema

DATA = pathlib.Path(__file__).resolve().parents[2] / "src/wire/mlflow/testdata"
CASES = DATA / "graphql.txt"
ANSWERS = json.loads((DATA / "graphql_answers.json").read_text())

# Where the reference lets Python say what is wrong, and our words for it.
PYTHONS = [
    (r".*resolve_\w+\(\) missing 1 required positional argument: '(\w+)'", r"The argument '\1' is missing."),
    (r"vars\(\) argument must have __dict__ attribute", r"The argument 'input' is null."),
    (r"Failed to parse (\w+) field: null is not allowed.*", r"A value of '\1' is null."),
]


def stand_in(field, message):
    def implementation(request):
        if getattr(request, "run_id", "") == "missing":
            raise MlflowException("Run with id=missing not found")
        return json_format.ParseDict(ANSWERS[field], message.Response())
    return implementation


for name, field, message in [
        ("get_run_impl", "mlflowGetRun", service_pb2.GetRun), ("get_experiment_impl", "mlflowGetExperiment", service_pb2.GetExperiment),
        ("search_runs_impl", "mlflowSearchRuns", service_pb2.SearchRuns), ("search_datasets_impl", "mlflowSearchDatasets", service_pb2.SearchDatasets),
        ("search_model_versions_impl", "mlflowSearchModelVersions", model_registry_pb2.SearchModelVersions),
        ("list_artifacts_impl", "mlflowListArtifacts", service_pb2.ListArtifacts),
        ("get_metric_history_bulk_interval_impl", "mlflowGetMetricHistoryBulkInterval", service_pb2.GetMetricHistoryBulkInterval)]:
    assert hasattr(handlers, name), name
    setattr(handlers, name, stand_in(field, message))


def in_our_words(error):
    for pattern, ours in PYTHONS:
        if re.fullmatch(pattern, error, re.DOTALL):
            return re.sub(r"(?<!^)([A-Z])", lambda m: "_" + m[1].lower(), re.sub(pattern, ours, error, flags=re.DOTALL)) if "A value" in ours else re.sub(pattern, ours, error)
    return error


def reference(query, variables, operation):
    result = check_query_safety(parse(query)) or schema.execute(query, variables=variables, operation_name=operation)
    return {"data": result.data, "errors": sorted(in_our_words(error.message) for error in result.errors or [])}


def cases():
    """The lines of each case but its answer, with the answer that the file has ("": none)."""
    for block in re.split(r"\n\n+", CASES.read_text().strip()):
        lines = block.splitlines()
        yield [line for line in lines if not line.startswith("=")], next((line[2:] for line in lines if line.startswith("=")), "")


def answer_to(lines):
    """None where there is no query, but comments."""
    query = "\n".join(line for line in lines if line[:1] not in "#@$")
    if not query:
        return None
    of = {line[0]: line[2:] for line in lines if line[:1] in "@$"}
    return reference(query, json.loads(of.get("$", "{}")), of.get("@"))


class Graphql(unittest.TestCase):
    def test_the_cases_are_what_the_reference_says(self):
        asked = 0
        for lines, known in cases():
            answer = answer_to(lines)
            if answer is None:
                continue
            asked += 1
            with self.subTest(lines=lines):
                self.assertEqual(json.loads(known), answer)
        print(f"{asked} queries")
        self.assertGreater(asked, 60)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        blocks = []
        for lines, _ in cases():
            answer = answer_to(lines)
            blocks.append("\n".join(lines + ([] if answer is None else ["= " + json.dumps(answer, ensure_ascii=False, sort_keys=True)])))
        CASES.write_text("\n\n".join(blocks) + "\n")
    else:
        unittest.main()
