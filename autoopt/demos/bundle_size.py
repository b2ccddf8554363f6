"""A small web page whose build has grown by itself: what can be left out of it?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autoopt.demos import Demo, files

_BUILD = '''\
"""Build the page into dist/ as build.json says."""

import base64
import json
import re
import shutil
from pathlib import Path

SOURCE, OUTPUT = Path("src"), Path("dist")


def script(settings):
    """app.js with what it includes, and what old browsers need."""
    own = (SOURCE / "app.js").read_text()
    text = re.sub(r"// include (\\S+)\\n", lambda match: (SOURCE / match[1]).read_text(), own)
    if settings["target"] == "es5":
        text = (SOURCE / "lib" / "polyfills.js").read_text() + text
    if settings["minify"]:
        text = smaller(text)
    if settings["maps"] == "inline":
        text += "//# sourceMappingURL=data:;base64," + base64.b64encode(text.encode()).decode() + "\\n"
    return text


def smaller(text):
    """Without comments, indentation and empty lines."""
    lines = (re.sub(r"\\s*//.*", "", line).strip() for line in text.splitlines())
    return "\\n".join(filter(None, lines)) + "\\n"


def main():
    settings = json.loads(Path("build.json").read_text())
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    for page in sorted(SOURCE.glob("*.html")):
        shutil.copy(page, OUTPUT)
    (OUTPUT / "app.js").write_text(script(settings))
    places = json.loads((SOURCE / "places.json").read_text())
    (OUTPUT / "places.json").write_text(json.dumps(places, indent=settings["indent"]))


if __name__ == "__main__":
    main()
'''

_SETTINGS = """\
{
  "target": "es5",
  "minify": false,
  "maps": "inline",
  "indent": 2
}
"""

_APP = """\
// The page's own code.
// include lib/charts.js
// include lib/dates.js

function show(places) {
    // One line for each place, the newest first.
    const list = document.querySelector("#places");
    for (const place of places) {
        const line = document.createElement("li");
        line.textContent = place.name + ", " + formatDate(place.seen);
        list.append(line);
    }
}

fetch("places.json").then((answer) => answer.json()).then(show);
"""

_DATES = """\
// Dates as people write them.
function formatDate(text) {
    return new Date(text).toLocaleDateString();
}
"""

_PAGE = """\
<!doctype html>
<title>{title}</title>
<h1>{title}</h1>
{body}
"""

_TESTS = '''\
import json
import re
import unittest
from pathlib import Path


class Page(unittest.TestCase):
    """What must be in dist/ after a build."""

    def test_every_function_that_is_called_is_defined(self):
        text = Path("dist/app.js").read_text()
        self.assertIn("show(", text)
        for name in ("formatDate", "show"):
            self.assertTrue(re.search(rf"function {name}\\(", text), name)

    def test_the_page_has_its_list_and_its_script(self):
        page = Path("dist/index.html").read_text()
        self.assertIn('id="places"', page)
        self.assertIn('src="app.js"', page)

    def test_every_place_has_its_name_and_its_date(self):
        places = json.loads(Path("dist/places.json").read_text())
        self.assertEqual(len(places), 80)
        self.assertTrue(all(place["name"] and place["seen"] for place in places))


if __name__ == "__main__":
    unittest.main()
'''

_RECIPE = """\
# The page: which settings and which of the waiting changes make it smaller?
#
#   autoopt recipe=page
defaults:
  - bundle-size
  - _self_
goal: fewer bytes in the built page
scope: [src, build.json]
metric:
  prepare: ${detect:python} build.py # what `npm run build` does, for machines without npm
params:
  target: {file: build.json, key: target, choices: [es5, es2020]}
  minify: {file: build.json, key: minify, choices: [false, true]}
  maps: {file: build.json, key: maps, choices: [inline, none]}
  indent: {file: build.json, key: indent, choices: [2, 0]}
propose:
  use: [optuna, queue, combine]
  queue:
    patches: patches
constraints:
  raw_bytes: {max_regression: 0.02}
budget:
  experiments: 8
"""

_PACKAGE = """\
{
  "name": "places",
  "private": true,
  "scripts": {
    "build": "python3 build.py"
  }
}
"""

_README = """\
# A page

`python build.py` (or `npm run build`) builds the page from `src` into `dist`, as `build.json` says;
`test_page.py` looks at what was built. `patches` holds changes that somebody has proposed; not all are good.

`.autoopt/recipes/page.yaml` says what may change; `autoopt recipe=page` tries it.
"""


def make(directory: Path) -> None:
    """Write the project: sources, build, tests, waiting patches and a recipe."""
    files.write(directory, {**_files(), **{f"patches/{name}": text for name, text in _patches()}})


def _files() -> dict[str, str]:
    list_and_script = '<ul id="places"></ul>\n<script src="app.js"></script>'
    return {
        ".autoopt/recipes/page.yaml": _RECIPE,
        ".gitignore": "__pycache__/\ndist/\n",
        "README.md": _README,
        "package.json": _PACKAGE,
        "build.json": _SETTINGS,
        "build.py": _BUILD,
        "test_page.py": _TESTS,
        "src/app.js": _APP,
        "src/index.html": _PAGE.format(title="Places", body=list_and_script),
        "src/about.html": _PAGE.format(title="About", body="<p>Places that were seen, and when.</p>"),
        "src/places.json": _places(),
        "src/lib/dates.js": _DATES,
        "src/lib/charts.js": _functions("chart", 40),
        "src/lib/polyfills.js": _functions("polyfill", 60),
    }


def _functions(stem: str, count: int) -> str:
    """A library of that many functions, no two alike."""
    return "".join(
        f"// Number {n} of the {stem}s.\n"
        f"function {stem}{n}(points) {{\n"
        f"    const scale = {n * n % 97 + 1} / (1 + {n * 31 % 89});\n"
        f"    return points.map((point) => point * scale + {n * 7919 % 1009});\n"
        "}\n"
        for n in range(count)
    )


def _places() -> str:
    seen = (f'{{"name": "Place {n * 37 % 101}", "seen": "2024-{n % 12 + 1:02}-11"}}' for n in range(80))
    return "[\n" + ",\n".join(seen) + "\n]\n"


def _patches() -> Iterator[tuple[str, str]]:
    """A good change, one that breaks the page, and one that leaves a page out."""
    about = _files()["src/about.html"]
    yield "1-dates-are-never-shown.patch", _patch("src/app.js", _APP, "// include lib/dates.js\n")
    yield "2-charts-are-not-drawn-any-more.patch", _patch("src/app.js", _APP, "// include lib/charts.js\n")
    yield "3-nobody-reads-about.patch", _patch("src/about.html", about, about)


def _patch(path: str, text: str, without: str) -> str:
    """The change that takes a part out of a file, and the file away when nothing is left."""
    return files.patch(path, text, text.replace(without, ""))


DEMO = Demo(
    name="bundle-size",
    summary="a web page: settings of its build and waiting changes, some of which break it",
    make=make,
    overrides=("recipe=page",),
    extra=None,
)
