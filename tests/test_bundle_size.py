"""The recipe on a real npm project, and the demo's planted improvements."""

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.demos import bundle_size

BUILD = """\
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
for (const name of readdirSync("src")) {
    if (name.endsWith(".html")) cpSync(`src/${name}`, `dist/${name}`);
}
const own = readFileSync("src/app.js", "utf8");
const names = [...own.matchAll(/^\\/\\/ include (.*)$/gm)].map((match) => match[1]);
const files = names.map((name) => readFileSync(`src/${name}`, "utf8"));
writeFileSync("dist/app.js", [...files, own].join("\\n"));
"""
CHECK = """\
import { readFileSync } from "node:fs";
if (!readFileSync("dist/app.js", "utf8").includes("function used")) {
    console.error("used() is gone");
    process.exit(1);
}
"""
APP = "// include used.js\n// include unused.js\nused();\n"
USED = "function used() {\n    return 1;\n}\n"
UNUSED = "".join(f"function unused{n}() {{ return {n * 7919 % 1009}; }}\n" for n in range(99))
PAGE = "<!doctype html><title>About</title>\n"


def patch(path, old, new):
    lines = [text.splitlines(keepends=True) for text in (old, new)]
    head = f"diff --git a/{path} b/{path}\n" + ("" if new else "deleted file mode 100644\n")
    target = f"b/{path}" if new else "/dev/null"
    return head + "".join(difflib.unified_diff(*lines, f"a/{path}", target))


@pytest.fixture
def site(tmp_path):
    """A package with a build and a test script, and three changes that wait."""
    root = tmp_path / "site"
    for path, text in {
        "package.json": json.dumps(
            {
                "name": "site",
                "private": True,
                "scripts": {"build": "node build.mjs", "test": "node check.mjs"},
            }
        ),
        ".gitignore": "dist/\nnode_modules/\n",
        "build.mjs": BUILD,
        "check.mjs": CHECK,
        "src/app.js": APP,
        "src/used.js": USED,
        "src/unused.js": UNUSED,
        "src/index.html": '<!doctype html><script src="app.js"></script>\n',
        "src/about.html": PAGE,
        "waiting/1-used.patch": patch("src/app.js", APP, APP.replace("// include used.js\n", "")),
        "waiting/2-about.patch": patch("src/about.html", PAGE, ""),
        "waiting/3-unused.patch": patch("src/app.js", APP, APP.replace("// include unused.js\n", "")),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t.org", *words], cwd=root, check=True)
    return root


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_on_an_npm_project_one_line_finds_build_files_and_tests(site):
    environ = {**os.environ, "HOME": str(site.parent), "XDG_STATE_HOME": str(site.parent / "state")}
    words = ["recipe=bundle-size", "scope=src", "propose.queue.patches=waiting", "run_id=site", "confirm=no"]
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", *words],
        cwd=site,
        env={**environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    (journal,) = site.parent.glob("state/autoopt/*/site/journal.jsonl")
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    found = {one["number"]: one["experiment"] for one in records if one["event"] == "DECIDED"}

    assert done.returncode == 0, done.stderr
    assert (
        "npm run build (detected)" in done.stdout and "package_tests: npm run test (detected)" in done.stdout
    )
    assert "tests: none found" in done.stdout and "files: dist/** (detected)" in done.stdout
    assert [one["status"] for one in found.values()] == [
        "baseline",
        "inspector-reject",
        "inspector-reject",
        "keep",
    ]
    said = {number: json.dumps(one.get("findings")) for number, one in found.items()}
    assert "used() is gone" in said[1]
    assert "dist/about.html" in said[2]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    directory = tmp_path_factory.mktemp("page")
    bundle_size.DEMO.make(directory)
    return directory


def built(page, **settings):
    """Bytes of the built page, and whether its tests pass."""
    kept = (page / "build.json").read_text()
    (page / "build.json").write_text(json.dumps({**json.loads(kept), **settings}))
    subprocess.run([sys.executable, "build.py"], cwd=page, check=True)
    (page / "build.json").write_text(kept)
    tests = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=page, capture_output=True, check=False
    )
    return sum(path.stat().st_size for path in (page / "dist").iterdir()), tests.returncode == 0


def test_every_setting_of_the_demos_build_has_something_to_give(page):
    size, passes = built(page)

    assert passes
    for better in ({"target": "es2020"}, {"minify": True}, {"maps": "none"}, {"indent": 0}):
        smaller, passes = built(page, **better)
        assert smaller < size and passes, better


def test_of_the_demos_waiting_changes_one_is_good_and_the_tests_tell_one_other(page):
    outcomes = {}
    for file in sorted((page / "patches").iterdir()):
        subprocess.run(["git", "apply", str(file)], cwd=page, check=True)
        outcomes[file.name[0]] = (built(page)[1], Path(page, "dist", "about.html").exists())
        subprocess.run(["git", "apply", "-R", str(file)], cwd=page, check=True)

    assert outcomes == {"1": (False, True), "2": (True, True), "3": (True, False)}
