"""Settings and metric outputs that nobody would think of: refused in one line, or taken; never a traceback.

`python -m tests.inputs.fuzz --examples 10000` makes so many of each together; the tests make a few.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from autoopt import assemble, budget, compose
from autoopt.errors import AutooptError
from autoopt.meters.extract import Output, check, details, extract
from autoopt.records import Failure
from autoopt.schema import Config, ExtractConfig, Extraction, Stream
from inputs.place import Place
from inputs.rows import BARE

RECIPES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))]


def _options(cls: type[Any], prefix: str = "") -> list[str]:
    found = []
    for one in fields(cls):
        name = prefix + one.name
        inner = one.default_factory if is_dataclass(one.default_factory) else None
        found += [name, *(_options(inner, f"{name}.") if isinstance(inner, type) else [])]
    return found


OPTIONS = _options(Config)
NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.floats())
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "???", "null", "${", "${a}", "${oc.env:HOME}", "$HOME", "{x}", "a\nb", "a\0b", "~", "../x",
         "[", "]", "{", "1:30", "1e3", "0x10", "yes", "'", '"', "\\", "a=b", "a,b", "!!x", "&a", "*a", "%",
          "@", "`", "é",
         "\ud800"]
    ),
    st.text(max_size=12),
)  # fmt: skip
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from([name.rpartition(".")[2] for name in OPTIONS]), TEXTS),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
PIECES = st.sampled_from(
    ["\t", "\0", "---\n", "? ", "- ", ": ", "#", "<<: ", "!!python/name:os.system ", "&a ", "*a", "|\n",
     ">\n", "{",
     "[", "${", "}", "'", '"', "\r", "\ufeff", "\x85", "%YAML 9.9\n", "defaults: [r]\n",
      "_target_: os.system\n"]
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A recipe file: options with odd values, or a shipped recipe that somebody has spoiled."""
    if draw(st.booleans()):
        data: dict[str, Any] = {}
        for name in draw(st.lists(st.sampled_from(OPTIONS), max_size=5)):
            inner = data
            *above, last = name.split(".")
            for key in above:
                inner = inner.setdefault(key, {}) if isinstance(inner.get(key, {}), dict) else {}
            inner[last] = draw(VALUES)
        return yaml.dump(data, allow_unicode=True).encode("utf-8", "surrogatepass")
    text = draw(st.sampled_from(RECIPES))
    for _ in range(draw(st.integers(1, 3))):
        at, much = draw(st.integers(0, len(text))), draw(st.sampled_from([0, 1, 3, 40]))
        text = text[:at] + draw(st.one_of(PIECES.map(str.encode), st.binary(max_size=4))) + text[at + much :]
    return text


@st.composite
def words(draw: st.DrawFn) -> list[str]:
    """What is typed: options with odd values, and words that are none."""
    found = list(BARE)
    for _ in range(draw(st.integers(0, 2))):
        name, value = draw(st.sampled_from(OPTIONS)), draw(VALUES)
        shown = value if isinstance(value, str) else draw(st.sampled_from([json.dumps(value), str(value)]))
        found.append(draw(st.sampled_from(["", "", "", "+", "++", "~"])) + f"{name}={shown}")
    if draw(st.integers(0, 5)) == 0:
        found.append(draw(TEXTS))
    return [word for word in found if not word.startswith("-")]  # flags print and leave: not settings


def settings_end_in_one_line(place: Place, document: bytes | None, typed: list[str]) -> str:
    """Compose and check; what came of it."""
    chosen = []
    if document is not None:
        place.recipe(document)
        chosen = ["recipe=r"]
    configs: list[Config] = []
    try:
        compose.run([*typed, *chosen], place.environ, configs.append)
        for config in configs:
            budget.check(config)
            assemble.check(config)
            assemble.check_proposers(config, place.environ)
    except AutooptError as error:
        said = str(error)
        assert said and "\n" not in said, said
        assert len(said) < 4000, said
        return "refused"
    return "taken"


KINDS = [kind for kind in Extraction if kind not in (Extraction.wall, Extraction.cpu, Extraction.peak_memory)]
OUTPUTS = st.one_of(
    st.binary(max_size=200).map(lambda data: data.decode("utf-8", "replace")),
    st.lists(
        st.one_of(
            st.sampled_from(
                ["METRIC t=", "METRIC t=1.5\n", '{"a": 2}', '{"a": [3]}', "4\n", "\n", "{", "[", "]", "}",
                 '"a":', '{"results": [{"times": [', "1", "e", ".", ",", "-",
                 "\x1b[", "\r", "nan", "9" * 400, "\x00", " ", "<testsuite tests='", "'/>", '"totals":',
                  "&x;",
                 "<!DOCTYPE a [", "_"]
            ),
            NUMBERS.map(repr),
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip


def output_gives_a_number_or_a_reason(kind: Extraction, pattern: str, printed: str, code: int) -> str:
    """Read a number; what came of it."""
    config = ExtractConfig(kind=kind, pattern=pattern, stream=Stream.stdout)
    try:
        check(config)
    except AutooptError as error:
        assert "\n" not in str(error)
        return "refused"
    output = Output(stdout=printed, stderr="", file=None, code=code, wall_s=1.0, cpu_s=1.0, peak_bytes=1)
    found = extract(config, output)
    assert all(map(math.isfinite, details(output).values()))
    if isinstance(found, Failure):
        assert found.reason
        return "no number"
    assert math.isfinite(found)
    return "number"


PATTERNS = st.one_of(
    st.sampled_from(
        [
            (Extraction.named, "t"),
            (Extraction.line, "-1"),
            (Extraction.line, "1"),
            (Extraction.regex, r"t=(\S+)"),
            (Extraction.json, "a"),
            (Extraction.json, "a[0]"),
            (Extraction.hyperfine, ""),
            (Extraction.junit, "pass_rate"),
            (Extraction.coverage, ""),
        ]
    ),
    st.tuples(st.sampled_from(KINDS), st.text(max_size=6)),
)


def fuzz(examples: int, number: int = 0) -> Counter[str]:
    """Make half of the examples of settings and half of outputs; how they ended."""
    ended: Counter[str] = Counter()
    known = settings(
        max_examples=max(1, examples // 2),
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.environ["PWD"] = str(place.repo)

        @seed(number)
        @known
        @given(st.one_of(st.none(), st.none(), documents()), words())
        def settings_of(document: bytes | None, typed: list[str]) -> None:
            ended[
                f"settings {settings_end_in_one_line(place, document, [*typed, f'repo={place.repo}'])}"
            ] += 1

        @seed(number)
        @known
        @given(PATTERNS, OUTPUTS, st.one_of(st.just(0), st.integers(-64, 255)))
        def output_of(how: tuple[Extraction, str], printed: str, code: int) -> None:
            ended[f"output {output_gives_a_number_or_a_reason(*how, printed, code)}"] += 1

        settings_of()
        output_of()
    return ended


def main() -> int:
    """Print how the examples ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given_words = parser.parse_args()
    ended = fuzz(given_words.examples, given_words.seed)
    for what, count in sorted(ended.items()):
        print(f"{count:6}  {what}")
    print(f"{sum(ended.values()):6}  together, no traceback")
    return 0


if __name__ == "__main__":
    sys.exit(main())
