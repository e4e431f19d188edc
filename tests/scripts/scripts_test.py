"""What script/test, script/fetch and script/setup promise, each in a small tree of its own with stand-ins for what they call.

    python scripts_test.py TOP FOLDER
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path()
FOLDER = pathlib.Path()


class Tree:
    """A copy of the scripts, with programs of the test's own before everything else in PATH."""

    def __init__(self, name):
        self.top = FOLDER / name
        shutil.copytree(TOP / "script", self.top / "script")
        self.bin = self.top / "bin"
        self.bin.mkdir()
        self.cache = self.top / "cache"

    def write(self, path, text, executable=True):
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if executable:
            target.chmod(0o755)

    def run(self, *command, **world):
        return subprocess.run(command, cwd=self.top, text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "KEELSON_CACHE": str(self.cache), **world})


class Test(unittest.TestCase):
    """script/test with suites of every kind; the build is a stand-in."""

    def tree(self, suites, build="exit 0"):
        tree = Tree(self.id().rsplit(".", 1)[1])
        for packages in ("apt", "test"):
            tree.write(f"script/{packages}-packages.txt", "# none\n", executable=False)
        tree.write("script/build", f"#!/bin/sh\nmkdir -p build\necho \"built $*\"\n{build}\n")
        for name, (budget, text) in suites.items():
            tree.write(f"tests/suites/{name}", f"#!/bin/sh\n# budget: {budget}\n{text}\n")
        tree.write("tests/suites.txt", "# the order\n" + "\n".join(suites) + "\n", executable=False)
        return tree

    def test_counts_of_all_suites_stand_in_the_last_line(self):
        tree = self.tree({"one": ("1 minutes", "# needs: all\necho 3 0 >$RESULT"), "two": ("1 minutes", "echo 4 0 >$RESULT")})
        done = tree.run("script/test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-1], "7 passed, 0 failed")
        self.assertRegex(lines[-3], r"^one +3 passed +0 failed +0(\.0)? min$")
        self.assertRegex(lines[-2], r"^two +4 passed +0 failed ")
        self.assertIn("built --tests", done.stdout)
        times = json.loads((tree.top / "build/test-times.json").read_text())
        self.assertEqual([(s["suite"], s["passed"]) for s in times["suites"]], [("one", 3), ("two", 4)])
        self.assertTrue(times["build"]["from_nothing"])

    def test_a_suite_that_fails_is_counted_and_the_others_still_run(self):
        tree = self.tree({"bad": ("1 minutes", "echo 3 2 >$RESULT; exit 1"), "good": ("1 minutes", "echo 1 0 >$RESULT")})
        done = tree.run("script/test")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "4 passed, 2 failed")

    def test_what_failed_is_said_once_more_before_the_summary(self):
        tree = self.tree({"bad": ("1 minutes", "echo 'FAILED: the seventh'; seq 100 140; echo 0 1 >$RESULT; exit 1"),
                          "good": ("1 minutes", "echo fine; echo 1 0 >$RESULT")})
        said = tree.run("script/test").stdout
        told = said[said.index("== Suite bad failed"):said.index("== Summary")]
        self.assertEqual(told.splitlines(), ["== Suite bad failed", "FAILED: the seventh", *map(str, range(116, 141))])
        self.assertTrue((tree.top / "build/test-logs/good.log").read_text().startswith("fine"))

    def test_a_suite_that_leaves_something_behind_is_not_waited_for(self):
        tree = self.tree({"leaves": ("1 minutes", "setsid sleep 40 & echo 1 0 >$RESULT")})
        begun = time.monotonic()
        tree.run("sh", "-c", "script/test >said 2>&1")
        self.assertEqual((tree.top / "said").read_text().splitlines()[-1], "1 passed, 0 failed")
        self.assertLess(time.monotonic() - begun, 35)

    def test_a_suite_that_ends_badly_with_good_counts_has_failed(self):
        done = self.tree({"crash": ("1 minutes", "echo 3 0 >$RESULT; exit 7")}).run("script/test")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ended with code 7", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "3 passed, 1 failed")

    def test_a_suite_over_its_budget_is_stopped_with_its_children(self):
        beat = FOLDER / "beat"
        child = f"while :; do date +%s.%N >{beat}; sleep 0.05; done"
        tree = self.tree({"slow": ("1 seconds", f"echo 5 0 >$RESULT; ({child}) & sleep 3600")})
        done = tree.run("script/test")
        self.assertEqual(done.returncode, 1)
        self.assertIn("over its budget of 1 seconds", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "5 passed, 1 failed")
        last = beat.read_text()
        time.sleep(0.5)  # ten beats of a child that lived on
        self.assertEqual(beat.read_text(), last)

    def test_a_suite_that_writes_no_result_has_failed(self):
        for name, text in {"silent": "exit 0", "empty": ": >$RESULT", "nothing": "echo 0 0 >$RESULT"}.items():
            with self.subTest(name):
                shutil.rmtree(FOLDER / self.id().rsplit(".", 1)[1], ignore_errors=True)
                done = self.tree({name: ("1 minutes", text)}).run("script/test")
                self.assertEqual(done.returncode, 1)
                self.assertIn("(ran no test)", done.stdout)
                self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed")

    def test_a_suite_without_a_budget_is_refused(self):
        done = self.tree({"endless": ("none", "echo 1 0 >$RESULT")}).run("script/test")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no line \"# budget: N minutes\"", done.stderr)

    def test_a_name_runs_that_suite_only_and_an_unknown_one_is_refused(self):
        tree = self.tree({"one": ("1 minutes", "echo 1 0 >$RESULT"), "two": ("1 minutes", "echo 2 0 >$RESULT")})
        self.assertEqual(tree.run("script/test", "two").stdout.splitlines()[-1], "2 passed, 0 failed")
        unknown = tree.run("script/test", "three")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("no suite three; there are: one two", unknown.stderr)

    def test_what_the_named_suites_need_is_built_and_no_more(self):
        tree = self.tree({"program": ("1 minutes", "echo 1 0 >$RESULT"), "two": ("1 minutes", "# needs: a_test b_test\necho 1 0 >$RESULT"),
                          "one": ("1 minutes", "# needs: b_test\necho 1 0 >$RESULT"), "unit": ("1 minutes", "# needs: all\necho 1 0 >$RESULT")})
        for suites, built in [(["program"], "--only keelson"), (["one", "two", "program"], "--only keelson a_test b_test"),
                              (["unit", "two"], "--tests"), ([], "--tests")]:
            self.assertIn(f"built {built}\n", tree.run("script/test", *suites).stdout)

    def test_a_suite_says_that_it_needs_the_programs_that_it_runs(self):
        for suite in (TOP / "tests/suites").iterdir():
            text = suite.read_text()
            needs = " ".join(re.findall(r"(?m)^# needs: (.*)", text)).split()
            for program in re.findall(r"build/release/\S*/(keelson_\w+)", text):
                self.assertIn(program, needs, suite.name)

    def test_long_is_told_to_the_suites(self):
        tree = self.tree({"one": ("1 minutes", "[ $LONG = 1 ] && echo 9 0 >$RESULT || echo 1 0 >$RESULT")})
        self.assertEqual(tree.run("script/test").stdout.splitlines()[-1], "1 passed, 0 failed")
        self.assertEqual(tree.run("script/test", "--long").stdout.splitlines()[-1], "9 passed, 0 failed")

    def test_what_a_suite_builds_itself_does_not_count_against_its_budget(self):
        suite = "# builds\nif [ \"$1\" = build ]; then sleep 1.5; echo made >product; exit 0; fi\n[ -e product ] && echo 2 0 >$RESULT"
        done = self.tree({"own": ("1 seconds", suite)}).run("script/test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 0 failed")

    def test_a_suite_whose_own_build_fails_has_failed_and_is_not_run(self):
        suite = "# builds\nif [ \"$1\" = build ]; then exit 3; fi\necho 2 0 >$RESULT"
        done = self.tree({"own": ("1 minutes", suite), "next": ("1 minutes", "echo 1 0 >$RESULT")}).run("script/test")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ended with code 3", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 1 failed")

    def test_a_build_that_fails_ends_it_before_any_suite(self):
        done = self.tree({"one": ("1 minutes", "echo 1 0 >$RESULT")}, build="exit 3").run("script/test")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("Suite one", done.stdout)

    def test_every_suite_of_the_tree_has_a_budget_and_every_name_of_the_list_a_suite(self):
        listed = [line.split("#")[0].strip() for line in (TOP / "tests/suites.txt").read_text().splitlines()]
        for name in filter(None, listed):
            self.assertTrue(os.access(TOP / "tests/suites" / name, os.X_OK), name)
        for suite in (TOP / "tests/suites").iterdir():
            self.assertRegex(suite.read_text(), r"(?m)^# budget: [1-9][0-9]* minutes", suite.name)


class Documents(unittest.TestCase):
    def test_every_row_of_a_table_is_whole(self):
        for path in [*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), *TOP.glob("bench/*.md")]:
            cells = 0  # of the rows of this table
            for number, line in enumerate(path.read_text().splitlines(), 1):
                with self.subTest(f"{path.relative_to(TOP)}:{number}"):
                    if line.startswith("|"):
                        here = len(re.findall(r"(?<!\\)\|", line)) - 1
                        self.assertTrue(line.rstrip().endswith("|"), line)
                        self.assertEqual(here, cells or here, line)
                        cells = here
                    else:
                        self.assertFalse(cells and line.strip(), f"right below a table: {line}")
                        cells = 0


class Fetch(unittest.TestCase):
    """script/fetch with a registry's client of the test's own, which hands out what the test says."""

    GOOD = b"what was pinned"

    def tree(self, delivered):
        tree = Tree(self.id().rsplit(".", 1)[1])
        (tree.top / "delivered").write_bytes(delivered)
        tree.write("bin/npm", f"#!/bin/sh\necho \"$PWD $*\" >>{tree.top}/asked\ncp {tree.top}/delivered tool-1.0.tgz\n")
        tree.write("third_party/packages.txt",
                   f"# one package\nnpm  tool@1.0  tool-1.0.tgz  {hashlib.sha256(self.GOOD).hexdigest()}\n", executable=False)
        return tree

    def refused(self, tree):
        done = tree.run("script/fetch")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("tool-1.0.tgz: the checksum is not the pinned one", done.stderr)
        self.assertFalse((tree.cache / "dependencies").exists(), "nothing may be unpacked")
        self.assertFalse((tree.cache / "downloads/tool-1.0.tgz").exists(), "what was refused may not stay")

    def test_a_download_with_another_checksum_is_refused(self):
        self.refused(self.tree(self.GOOD + b" and one byte"))

    def test_a_doctored_list_is_refused(self):
        tree = self.tree(self.GOOD)
        packages = tree.top / "third_party/packages.txt"
        text = packages.read_text().rstrip()
        packages.write_text(text[:-1] + ("0" if text[-1] != "0" else "1") + "\n")
        self.refused(tree)

    def test_a_stored_download_that_was_changed_is_fetched_again(self):
        tree = self.tree(self.GOOD)
        (tree.cache / "downloads").mkdir(parents=True)
        (tree.cache / "downloads/tool-1.0.tgz").write_bytes(b"changed on the disk")
        done = tree.run("script/fetch")  # ends at the unpacking: our package is none of the real ones
        self.assertNotIn("checksum", done.stderr)
        self.assertEqual((tree.cache / "downloads/tool-1.0.tgz").read_bytes(), self.GOOD)
        self.assertIn("pack --silent tool@1.0", (tree.top / "asked").read_text())

    def test_a_stored_download_that_is_right_is_not_fetched_again(self):
        tree = self.tree(b"another one")
        (tree.cache / "downloads").mkdir(parents=True)
        (tree.cache / "downloads/tool-1.0.tgz").write_bytes(self.GOOD)
        tree.run("script/fetch")
        self.assertFalse((tree.top / "asked").exists())

    def test_every_pinned_package_of_the_tree_has_a_checksum(self):
        for line in (TOP / "third_party/packages.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                self.assertRegex(line, r"^(npm|pip|sdist) +\S+[@=]=?\S+ +\S+ +[0-9a-f]{64}$")


class Setup(unittest.TestCase):
    """Who is not root is told the one line that he needs, by every script that he may begin with."""

    def tree(self):
        tree = Tree(self.id().rsplit(".", 1)[1])
        tree.write("script/apt-packages.txt", "kept-package\nlost-package # with a reason\n", executable=False)
        tree.write("script/test-packages.txt", "lost-tool\n", executable=False)
        tree.write("bin/id", "#!/bin/sh\necho 1000\n")
        tree.write("bin/apt-get", f"#!/bin/sh\necho $* >>{tree.top}/installed\n")
        tree.write("bin/dpkg-query", "#!/bin/sh\n[ \"$3\" = kept-package ] && echo install ok installed\n")
        return tree

    def test_without_root_the_one_apt_line_is_said(self):
        tree = self.tree()
        for script, wanted in {"setup": "lost-package", "build": "lost-package", "quickstart": "lost-package",
                               "test": "lost-package lost-tool"}.items():
            with self.subTest(script):
                done = tree.run(f"script/{script}")
                self.assertEqual(done.returncode, 1)
                lines = [line for line in (done.stdout + done.stderr).splitlines() if "apt-get" in line]
                self.assertEqual(lines, ["  sudo apt-get update && sudo apt-get install -y --no-install-recommends " + wanted])
                self.assertFalse((tree.top / "installed").exists())

    def test_as_root_what_is_missing_is_installed(self):
        tree = self.tree()
        tree.write("bin/id", "#!/bin/sh\necho 0\n")
        tree.write("script/fetch", "#!/bin/sh\n")
        done = tree.run("script/setup")
        self.assertEqual(done.returncode, 0, done.stderr)
        installed = (tree.top / "installed").read_text()
        self.assertRegex(installed, r"install .* lost-package\n")
        self.assertNotIn("kept-package", installed)

    def test_an_apt_that_fails_is_told_with_its_last_lines(self):
        tree = self.tree()
        tree.write("bin/id", "#!/bin/sh\necho 0\n")
        tree.write("bin/apt-get", "#!/bin/sh\necho Unable to locate package; [ $1 = update ]\n")
        done = tree.run("script/setup")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Unable to locate package", done.stderr)
        self.assertIn("could not install: lost-package", done.stderr)


class Check(unittest.TestCase):
    """script/check: what it was asked, all of it although a part failed; clang-tidy's findings, and what it need not look at."""

    SOUND = "int Half(int number) { return number / 2; }\n"
    UNSOUND = "float Half(int number) { return number / 2; }\n"  # bugprone-integer-division

    def tree(self):
        tree = Tree(self.id().rsplit(".", 1)[1])
        shutil.copy(TOP / ".clang-tidy", tree.top)
        tree.write("src/base/half.h", self.SOUND.replace("int", "inline int", 1), executable=False)
        tree.write("src/base/half.cc", '#include "base/half.h"\n', executable=False)
        tree.write("src/base/other.cc", "int Other();\n", executable=False)
        entries = [{"directory": str(tree.top), "file": str(tree.top / f"src/base/{name}.cc"),
                    "command": f"clang++-16 -std=c++2b -I{tree.top}/src -c {tree.top}/src/base/{name}.cc"} for name in ("half", "other")]
        tree.write("build/tidy/compile_commands.json", json.dumps(entries), executable=False)
        return tree

    def tidy(self, tree, *files):
        done = tree.run("python3", "script/tidy.py", os.environ["CLANG_TIDY"], str(tree.top / "build/tidy"), str(tree.cache / "tidy"), *files)
        return done.returncode, done.stdout

    def test_clang_tidy_looks_only_at_what_changed_since_it_was_sound(self):
        tree = self.tree()
        code, said = self.tidy(tree)
        self.assertEqual((code, "2 to look at" in said), (0, True), said)
        code, said = self.tidy(tree)
        self.assertEqual((code, "2 files as they were found sound before, 0 to look at" in said), (0, True), said)
        tree.write("src/base/half.h", self.UNSOUND.replace("float", "inline float", 1), executable=False)
        for _ in range(2):  # what is not sound is told every time
            code, said = self.tidy(tree)
            self.assertEqual(code, 1, said)
            self.assertIn("1 files as they were found sound before, 1 to look at", said)
            self.assertRegex(said, r"src/base/half\.h:1:\d+: error: .*bugprone-integer-division")

    def test_a_changed_header_is_looked_at_in_the_files_that_include_it(self):
        tree = self.tree()
        code, said = self.tidy(tree, "src/base/half.h")
        self.assertEqual((code, "0 files as they were found sound before, 1 to look at" in said), (0, True), said)

    def test_a_file_that_does_not_compile_is_a_finding(self):
        tree = self.tree()
        tree.write("src/base/other.cc", "int Other(\n", executable=False)
        code, said = self.tidy(tree)
        self.assertEqual(code, 1, said)
        self.assertIn("src/base/other.cc", said)

    def test_a_part_that_fails_keeps_no_other_from_running(self):
        tree = self.tree()
        for packages in ("apt", "test"):
            tree.write(f"script/{packages}-packages.txt", "# none\n", executable=False)
        tree.write("script/check_walls.py", "import sys\nsys.exit(1)\n")
        tree.write("script/check_acceptance.py", "print('every row has its test')\n")
        done = tree.run("script/check", "walls", "acceptance")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("every row has its test", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^walls +FAILED +\d+ s$")
        self.assertRegex(done.stdout, r"(?m)^acceptance +sound +\d+ s$")

    def test_an_unknown_part_is_refused(self):
        done = self.tree().run("script/check", "wals")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no part wals; there are: format shell walls", done.stderr)


if __name__ == "__main__":
    TOP, FOLDER = map(pathlib.Path, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
