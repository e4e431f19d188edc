"""Runs the commands that the README tells a newcomer, and looks at what they answer.

    python readme_test.py KEELSON FOLDER     in an environment with tests/readme/requirements.txt
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text()
PATIENCE_S = 60


def block_after(marker, language):
    """The first fenced block of a language behind `<!-- test: MARKER -->`."""
    behind = README.split(f"<!-- test: {marker} -->", 1)[1]
    return re.search(rf"```{language}\n(.*?)```", behind, re.S).group(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SklearnExample(unittest.TestCase):
    keelson = ""
    folder = pathlib.Path()

    def test_the_script_is_quoted_whole_and_has_at_most_ten_lines(self):
        script = (TOP / "examples/sklearn/train.py").read_text()
        self.assertEqual(block_after("sklearn", "python"), script)
        self.assertLessEqual(len([line for line in script.splitlines() if line.strip()]), 10)

    def test_the_install_line_names_what_the_test_has_pinned(self):
        wanted = re.search(r"pip install (.*)", block_after("sklearn", "sh")).group(1).split()
        pinned = re.findall(r"^(\S+==\S+)", (TOP / "tests/readme/requirements.txt").read_text(), re.M)
        self.assertLessEqual(set(wanted), set(pinned))

    def test_its_commands_end_as_an_endpoint_that_answers_what_the_model_says(self):
        commands = block_after("sklearn", "sh").splitlines()
        install, train, serve, ask = commands
        self.assertTrue(install.startswith("pip install "))  # the suite has installed the same, with hashes
        port = str(free_port())
        paths = f"{pathlib.Path(self.keelson).parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        world = {**os.environ, "PATH": paths}

        def run(line):
            line = line.replace("8080", port).replace("examples/", f"{TOP}/examples/")
            return subprocess.run(line, shell=True, check=True, cwd=self.folder, env=world, text=True,
                                  capture_output=True, timeout=PATIENCE_S).stdout

        printed = float(re.search(r"with ([0-9.]+)", run(train)).group(1))
        self.assertTrue(serve.endswith(" &"))
        server = subprocess.Popen(["bash", "-c", "exec " + serve[:-2].replace("8080", port)], cwd=self.folder, env=world,
                                  stdout=subprocess.PIPE, text=True)
        try:
            self.assertIn("ready at", server.stdout.readline())  # one line says that it is ready
            answer = json.loads(run(ask))
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_S)
        self.assertEqual(answer["model_name"], "cancer")
        self.assertEqual(len(self.probabilities(answer)), 1)
        self.assertAlmostEqual(self.probabilities(answer)[0], printed, delta=1e-6)
        self.assertEqual(server.returncode, 0)

    def probabilities(self, answer):
        """That of the second class, of each row."""
        output, = [output for output in answer["outputs"] if output["datatype"] == "FP32"]
        self.assertEqual(output["shape"][1], 2)
        return output["data"][1::2]

    def test_every_row_is_served_as_the_estimator_predicts_it(self):
        script = (TOP / "examples/sklearn/train.py").read_text()
        world = {}
        folder = os.getcwd()
        os.chdir(self.folder)
        try:
            exec(compile(script, "train.py", "exec"), world)  # for the estimator itself
        finally:
            os.chdir(folder)
        x, wanted = world["x"], world["clf"].predict_proba(world["x"])[:, 1]
        server = subprocess.Popen([self.keelson, "serve", "--model", "cancer=model.onnx", "--port", "0"], cwd=self.folder,
                                  stdout=subprocess.PIPE, text=True)
        try:
            address = re.search(r"http://\S+", server.stdout.readline()).group(0)
            tensor = {"name": "X", "shape": list(x.shape), "datatype": "FP32", "data": x.ravel().tolist()}
            request = urllib.request.Request(f"{address}/v2/models/cancer/infer",
                                             json.dumps({"inputs": [tensor]}).encode())
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                served = self.probabilities(json.load(response))
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_S)
        self.assertEqual(len(served), len(wanted))
        self.assertLess(max(abs(a - b) for a, b in zip(served, wanted)), 1e-6)


class SmallExample(unittest.TestCase):
    def test_its_project_file_is_quoted_whole_and_has_ten_lines(self):
        text = (TOP / "examples/rain/keelson.yaml").read_text()
        self.assertEqual(block_after("rain", "yaml"), text)
        self.assertEqual(len(text.splitlines()), 10)

    def test_it_is_right(self):
        done = subprocess.run([SklearnExample.keelson, "render", "-f", "examples/rain/keelson.yaml"], cwd=TOP,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("recent", done.stdout)


def commands_of_the_first_hour():
    """The commands in the table "Your first hour", in its order."""
    table = README.split("## Your first hour", 1)[1].split("\n## ", 1)[0]
    return [command for line in table.splitlines() if line.startswith("| ") for command in re.findall(r"`(keelson .*?)`", line)]


class FirstHour(unittest.TestCase):
    """The commands of the table, one after the other, on a server of the test's own."""

    def test_the_small_example_lives_from_its_data_to_a_served_model(self):
        keelson, folder = SklearnExample.keelson, SklearnExample.folder
        begin, *commands = commands_of_the_first_hour()
        self.assertEqual(begin, "keelson server --data keelson-data")
        address_file = folder / "address"
        world = {**os.environ, "PATH": f"{pathlib.Path(keelson).parent}:{os.environ['PATH']}"}
        server = subprocess.Popen([keelson, "server", "--data", str(folder / "data"), "--port", "0", "--address-file",
                                   str(address_file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.assertIn("is ready at", server.stdout.readline())
            world["KEELSON_SERVER_URL"] = address_file.read_text().strip()
            said = {}
            for command in commands:
                if "JOB" in command:  # any job will do
                    command = "keelson logs j000001"
                line = command + (f" --summary {folder}/summary.json" if " replay " in command else "")
                done = subprocess.run(line, shell=True, cwd=TOP, env=world, text=True, capture_output=True,
                                      timeout=2 * PATIENCE_S)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
                said.setdefault(command.split()[1], done.stdout)
            again = subprocess.run("keelson apply -f examples/rain/keelson.yaml", shell=True, cwd=TOP, env=world, text=True,
                                   capture_output=True, timeout=PATIENCE_S)
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_S)
        self.assertIn("nothing changes", again.stdout)
        month, = json.loads((folder / "summary.json").read_text())["months"]
        self.assertEqual((month["month"], month["asked"], month["failed"]), ("2013-03", 2153, 0))
        self.assertGreater(month["labelled"], 2100)
        self.assertGreater(month["auc_live"], 0.7)
        probability, = json.loads(said["predict"])["outputs"][0]["data"]
        self.assertTrue(0 < probability < 1)
        self.assertIn("champion", said["get"])


class EveryCommand(unittest.TestCase):
    """A command that the README tells a newcomer is run by a test, or this fails."""

    def test_each_is_one_that_a_test_runs(self):
        fenced = {line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()}
        prose = re.sub(r"```.*?```", "", README, flags=re.S)
        indented = {line.split("#")[0].strip() for line in re.findall(r"^    (\S.*)$", prose, re.M)}
        quoted = {span for span in re.findall(r"`([^`\n]+)`", prose) if re.match(r"(keelson \S+|script/\S+|pip|python|curl) \S", span)}
        told = {command for command in fenced | indented | quoted if command}
        run = {*block_after("sklearn", "sh").splitlines(),  # SklearnExample
               *commands_of_the_first_hour(),  # FirstHour
               "keelson render -f examples/rain/keelson.yaml",  # SmallExample
               "script/quickstart",  # the suites quickstart and e2e
               "script/test"}  # what runs this
        self.assertEqual(told - run, set())


class Links(unittest.TestCase):
    def test_every_file_that_the_readme_names_is_there(self):
        for target in re.findall(r"\]\(([^)#:]+)\)", README):
            self.assertTrue((TOP / target).exists(), target)


if __name__ == "__main__":
    SklearnExample.keelson, SklearnExample.folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
