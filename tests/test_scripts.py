import pytest

from autoopt.detect.scripts import scripts


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("python bench.py --n 3", ["bench.py"]),
        (
            "PYTHONPATH=src:$PYTHONPATH /v/python3.11 -W error -X dev ./tools/bench.py data",
            ["tools/bench.py"],
        ),
        ("cd app && sh -e check.sh | tail -1", ["app/check.sh"]),
        ("./bench.sh", ["bench.sh"]),
        ("bench.sh", []),
        ("time timeout 5 bash run.sh; node score.js", ["run.sh", "score.js"]),
        ("python -m shop", ["shop.py", "shop/__main__.py", "src/shop.py", "src/shop/__main__.py"]),
        ("python -c 'import x' y.py", []),
        ("sh -c 'python report.py'", []),
        ("echo METRIC t=$(cat src/value.txt)", []),
        ("pytest -q tests/test_x.py", []),
        ("uv run python score.py", ["score.py"]),
        ("echo 'not closed", []),
        ("make -s bench", []),
        ("if sh a.sh; then (sh b.sh) fi\nsh c.sh", ["a.sh", "b.sh", "c.sh"]),
    ],
)
def test_a_command_runs_the_scripts_that_its_words_name(command, run):
    assert scripts(command) == run
