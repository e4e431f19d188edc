#!/usr/bin/env python3
"""Katib's generated client against `keelson suggest`: the cases of Katib's own tests of its Hyperopt, Optuna and Goptuna services
for the algorithms that we have, and what its controller depends on.

Usage: suggestion_test.py KEELSON GRPCURL
"""
import importlib.util
import pathlib
import re
import signal
import subprocess
import sys
import threading
import types
import unittest

import grpc

# The package's own beginning wants the whole of Kubeflow; of it only the contract is used.
for name in ("kubeflow", "kubeflow.katib"):
    found = pathlib.Path(importlib.util.find_spec("kubeflow").submodule_search_locations[0]) if name == "kubeflow" else found / "katib"
    module = types.ModuleType(name)
    module.__path__ = [str(found)]
    sys.modules[name] = module
from kubeflow.katib import katib_api_pb2 as api  # noqa: E402
from kubeflow.katib import katib_api_pb2_grpc as api_grpc  # noqa: E402

KEELSON = sys.argv[1]
GRPCURL = sys.argv[2]
PATIENCE_S = 60


def settings(values):
    return [api.AlgorithmSetting(name=name, value=value) for name, value in values.items()]


def space(name, kind, low=None, high=None, choices=(), step=None, distribution=None):
    return api.ParameterSpec(name=name, parameter_type=kind, feasible_space=api.FeasibleSpace(
        min=low, max=high, list=choices, step=step, distribution=distribution))


def four_parameters():
    return [space("param-1", api.INT, "1", "5"), space("param-2", api.CATEGORICAL, choices=["cat1", "cat2", "cat3"]),
            space("param-3", api.DISCRETE, choices=["3", "2", "6"]), space("param-4", api.DOUBLE, "1", "5", step="1")]


def eight_parameters():
    return [*four_parameters()[:3], space("param-4", api.DOUBLE, "1", "5"),
            space("param-5", api.DOUBLE, "1", "5", step="0.5", distribution=api.LOG_UNIFORM),
            space("param-6", api.DOUBLE, "1", "5", distribution=api.LOG_UNIFORM),
            space("param-7", api.DOUBLE, "5", "10", step="0.8", distribution=api.UNIFORM),
            space("param-8", api.DOUBLE, "5", "10", distribution=api.UNIFORM)]


def experiment(algorithm, values, parameters, kind=api.MAXIMIZE):
    return api.Experiment(name="test", spec=api.ExperimentSpec(
        algorithm=api.AlgorithmSpec(algorithm_name=algorithm, algorithm_settings=settings(values)),
        objective=api.ObjectiveSpec(type=kind, goal=0.9),
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=parameters)))


def trial(name, assignments, metrics, condition=None):
    return api.Trial(
        name=name,
        spec=api.TrialSpec(
            objective=api.ObjectiveSpec(type=api.MAXIMIZE, objective_metric_name="metric-2", goal=0.9),
            parameter_assignments=api.TrialSpec.ParameterAssignments(assignments=assignments)),
        status=api.TrialStatus(condition=condition, observation=api.Observation(
            metrics=[api.Metric(name=name, value=value) for name, value in metrics.items()])))


class Suggest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([KEELSON, "suggest", "--port", "0", "--threads", "2"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        line = cls.process.stdout.readline()
        cls.address = re.search(r"ready at grpc://(127\.0\.0\.1:\d+)", line)[1]
        threading.Thread(target=cls.process.stderr.read, daemon=True).start()
        cls.channel = grpc.insecure_channel(cls.address)
        cls.stub = api_grpc.SuggestionStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.process.send_signal(signal.SIGTERM)
        assert cls.process.wait(PATIENCE_S) == 0
        cls.process.stdout.close()

    def suggest(self, asked, trials=(), current=2, total=None):
        return self.stub.GetSuggestions(api.GetSuggestionsRequest(
            experiment=asked, trials=trials, current_request_number=current, total_request_number=total), timeout=PATIENCE_S)

    def refused(self, call, *arguments):
        with self.assertRaises(grpc.RpcError) as raised:
            call(*arguments)
        return raised.exception.code(), raised.exception.details()

    def validate(self, algorithm, values, parameters=()):
        self.stub.ValidateAlgorithmSettings(api.ValidateAlgorithmSettingsRequest(
            experiment=experiment(algorithm, values, parameters)), timeout=PATIENCE_S)

    def test_optunas_cases_of_suggestions(self):
        for algorithm, values in (("tpe", {"n_startup_trials": "20", "n_ei_candidates": "10", "random_state": "71"}),
                                  ("random", {"random_state": "71"})):
            asked = experiment(algorithm, values, four_parameters())
            first = self.suggest(asked)
            self.assertEqual(len(first.parameter_assignments), 2)
            done = [trial(name, given.assignments, metrics, api.TrialStatus.SUCCEEDED)
                    for name, given, metrics in zip(("test-asfjh", "test-234hs"), first.parameter_assignments,
                                                    ({"metric-1": "435", "metric-2": "5643"}, {"metric-1": "123", "metric-2": "3028"}))]
            second = self.suggest(asked, done)
            self.assertEqual(len(second.parameter_assignments), 2)
            for given in (*first.parameter_assignments, *second.parameter_assignments):
                values_of = {each.name: each.value for each in given.assignments}
                self.assertEqual(list(values_of), ["param-1", "param-2", "param-3", "param-4"])
                self.assertIn(values_of["param-1"], {"1", "2", "3", "4", "5"})
                self.assertIn(values_of["param-2"], {"cat1", "cat2", "cat3"})
                self.assertIn(values_of["param-3"], {"3", "2", "6"})
                self.assertIn(float(values_of["param-4"]), {1, 2, 3, 4, 5})

    def test_hyperopts_case_of_suggestions(self):
        def given(*values):
            return [api.ParameterAssignment(name=f"param-{place + 1}", value=value) for place, value in enumerate(values)]
        trials = [trial("test-asfjh", given("2", "cat1", "2", "3.44"), {"metric=1": "435", "metric=2": "5643"}),
                  trial("test-234hs", given("3", "cat2", "6", "4.44"), {"metric=1": "123", "metric=2": "3028"})]
        asked = experiment("tpe", {"random_state": "10", "gamma": "0.25", "prior_weight": "1.0", "n_EI_candidates": "24"}, eight_parameters())
        answer = self.suggest(asked, trials)
        self.assertEqual([len(each.assignments) for each in answer.parameter_assignments], [8, 8])

    def test_goptunas_cases_of_suggestions(self):
        parameters = [space("param-1", api.INT, "-10", "10"), *four_parameters()[1:3], space("param-4", api.DOUBLE, "-1.5", "5.5")]
        for algorithm in ("tpe", "random"):
            answer = self.suggest(experiment(algorithm, {"random_state": "10"}, parameters, api.MINIMIZE))
            self.assertEqual([len(each.assignments) for each in answer.parameter_assignments], [4, 4])

    def test_cases_of_validation(self):
        for algorithm, values in (("tpe", {"random_state": "10", "gamma": "0.25", "prior_weight": "1.0", "n_EI_candidates": "24"}),
                                  ("tpe", {"n_startup_trials": "5", "n_ei_candidates": "24", "random_state": "1"}),
                                  ("random", {"random_state": "10"})):
            self.validate(algorithm, values)
        for algorithm, values, details in (
                ("unknown", {}, "unknown algorithm name unknown"),
                ("random", {"unknown_conf": "1111"}, "unknown setting unknown_conf for algorithm random"),
                ("tpe", {"gamma": "1.5"}, "gamma should be in the range of (0, 1)"),
                ("tpe", {"n_EI_candidates": "0"}, "n_EI_candidates should be great than zero"),
                ("tpe", {"random_state": "-1"}, "random_state should be great or equal than zero"),
                ("tpe", {"prior_weight": "aaa"}, "failed to validate prior_weight(aaa): could not convert string to float: 'aaa'"),
                ("tpe", {"invalid": "5"}, "unknown setting invalid for algorithm tpe"),
                ("tpe", {"n_startup_trials": "-1"}, "n_startup_trials should be greate or equal than zero"),
                ("random", {"random_state": "-1"}, "random_state should be great or equal than zero")):
            self.assertEqual(self.refused(self.validate, algorithm, values), (grpc.StatusCode.INVALID_ARGUMENT, details))

    def test_a_controllers_loop_finds_the_best(self):
        """As Katib's controller asks: it counts what it asked for, tells all trials every time, one of them still running."""
        asked = experiment("tpe", {}, [space("x", api.DOUBLE, "-5", "5"), space("kind", api.CATEGORICAL, choices=["a", "b"])])
        trials, best = [], float("-inf")
        for total in range(2, 62, 2):
            answer = self.suggest(asked, trials, 2, total)
            again = self.suggest(asked, trials, 2, total)
            self.assertEqual(answer, again, "the same question has another answer")
            for given in answer.parameter_assignments:
                values = {each.name: each.value for each in given.assignments}
                score = -(float(values["x"]) - 2) ** 2 - (0 if values["kind"] == "b" else 3)
                best = max(best, score)
                trials.append(trial(f"t{len(trials)}", given.assignments, {"metric-2": str(score)}, api.TrialStatus.SUCCEEDED))
            trials[-1].status.condition = api.TrialStatus.RUNNING
        self.assertGreater(best, -0.05)

    def test_what_makes_no_sense(self):
        for parameters, details in (
                ([], "there is nothing to search: no ranges"),
                ([space("x", api.DOUBLE, "5", "1")], "low is above high (x)"),
                ([space("x", api.INT, "a", "1")], 'min is "a", expected a whole number (x)'),
                ([space("x", api.CATEGORICAL)], "there is nothing to choose from (x)"),
                ([space("x", api.UNKNOWN_TYPE)], "the parameter has no type; there are DOUBLE, INT, DISCRETE and CATEGORICAL (x)")):
            self.assertEqual(self.refused(self.suggest, experiment("tpe", {}, parameters)), (grpc.StatusCode.INVALID_ARGUMENT, details))
        code, details = self.refused(self.suggest, experiment("tpe", {}, four_parameters()), (), 2_000_000)
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertIn("ask for fewer at a time", details)

    def test_bytes_that_are_no_message(self):
        call = self.channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions", lambda data: data, lambda data: data)
        with self.assertRaises(grpc.RpcError) as raised:
            call(b"\xff\xff\xff", timeout=PATIENCE_S)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INTERNAL)
        self.assertEqual(len(self.suggest(experiment("random", {}, four_parameters())).parameter_assignments), 2)

    def test_health_and_reflection(self):
        def grpcurl(*arguments):
            return subprocess.run([GRPCURL, "-plaintext", *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE_S).stdout
        self.assertIn("api.v1.beta1.Suggestion\n", grpcurl(self.address, "list"))
        for service in ("", "manager.v1beta1.Suggestion"):
            self.assertIn("SERVING", grpcurl("-d", f'{{"service": "{service}"}}', self.address, "grpc.health.v1.Health/Check"))
        said = grpcurl("-d", '{"experiment": {"name": "e", "spec": {"algorithm": {"algorithmName": "random"}, "parameterSpecs": {"parameters":'
                       ' [{"name": "x", "parameterType": "INT", "feasibleSpace": {"min": "4", "max": "4"}}]}}}, "currentRequestNumber": 1}',
                       self.address, "api.v1.beta1.Suggestion/GetSuggestions")
        self.assertRegex(said, r'"name": "x",\s+"value": "4"')


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
