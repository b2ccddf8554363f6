"""The demos of the test recipes: what their projects and patches are like before any run."""

import os
import subprocess
import sys

import pytest

from autoopt.demos import suite_coverage, suite_duration, suite_pass_rate

DEMOS = [suite_pass_rate.DEMO, suite_coverage.DEMO, suite_duration.DEMO]


def contents(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_project_is_the_same_every_time(demo, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        demo.make(tmp_path / name)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("demo", DEMOS[:2], ids=lambda demo: demo.name)
def test_every_patch_applies(demo, tmp_path):
    demo.make(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    patches = sorted((tmp_path / "patches").iterdir())

    assert len(patches) >= 4
    for patch in patches:
        subprocess.run(["git", "apply", "--check", str(patch)], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("demo", "outcome"),
    list(zip(DEMOS, ["8 failed, 17 passed", "25 passed", "10 passed"], strict=True)),
    ids=lambda one: getattr(one, "name", ""),
)
def test_its_tests_have_the_outcome_it_begins_with(demo, outcome, tmp_path):
    demo.make(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert outcome in done.stdout
