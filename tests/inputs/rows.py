"""The rows: how the mistake is made, what is typed, the exit code and a part of what is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inputs.place import Place

Make = Callable[[Place], None]
BARE = (
    "metric.command=sh bench.sh",
    "metric.extract.kind=named",
    "metric.extract.pattern=t",
    "scope=src",
    "params.p.file=src/value.txt",
    "params.p.regex=(\\d+)",
    "params.p.low=1",
    "params.p.high=20",
)
USAGE, REPOSITORY, RESOURCE = 2, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One mistake.

    Attributes:
        says: What the line must have, besides `autoopt: `.
        lines: How many lines may be printed; the output of a command that failed is shown after the first.
    """

    name: str
    words: tuple[str, ...]
    says: str
    code: int = USAGE
    make: Make = lambda place: None
    cwd: str = ""
    lines: int = 1


def _typed(name: str, says: str, *words: str) -> Row:
    """A mistake in the words of a run."""
    return Row(name=name, words=(*BARE, *words), says=says)


def _written(name: str, says: str, text: str | bytes) -> Row:
    """A mistake in a recipe."""
    words = ("recipe=r", *(BARE[3:] if isinstance(text, str) and "params:" not in text else ("scope=src",)))
    return Row(name=name, words=words, says=says, make=lambda place: void(place.recipe(text)))


def void(_: object) -> None:
    """For what is done for its effect."""


def _printed(name: str, says: str, command: str, *words: str, kind: str = "named") -> Row:
    """A metric command that prints no number."""
    given = (f"metric.command={command}", f"metric.extract.kind={kind}", *BARE[3:], *words)
    if kind == "named":
        given = (*given, "metric.extract.pattern=t")
    return Row(name=name, words=given, says=says, lines=60)


def _special(make: Callable[[Path], None]) -> Make:
    return lambda place: make(place.recipes / "r.yaml")


_RUN = "metric: {command: sh bench.sh, extract: {kind: named, pattern: t}}\n"
_PARAM = "params: {p: {file: src/value.txt, regex: (\\d+), %s}}\n"

RECIPES = [
    _written("1 empty file", "r.yaml: is empty; a recipe needs at least metric.command", ""),
    _written("1 only a comment", "r.yaml: is empty", "# to be done\n"),
    _written("2 two documents", "r.yaml:2: a second YAML document begins here", "goal: a\n---\ngoal: b\n"),
    _written("3 a list", "r.yaml:1: `key: value` lines were expected", "- a\n- b\n"),
    _written("4 tab indent", "r.yaml:2: found character", "metric:\n\tcommand: x\n"),
    _written("4 NUL byte", "r.yaml:2: a control character", b"goal: a\nmetric: \0\n"),
    _written("4 invalid UTF-8", "r.yaml:1: not UTF-8", b"goal: \xff\n"),
    _written(
        "5 python tag",
        "r.yaml:1: tags (`!...`) are not allowed",
        "goal: !!python/object/apply:os.system [touch pwned]\n",
    ),
    _written("6 nested 2000 deep", "r.yaml:1: nested deeper than 20 levels", "goal: " + "[" * 2000),
    _written("6 anchors", "r.yaml:1: anchors and aliases are not allowed", "goal: &a [x]\nvocabulary: *a\n"),
    _written("7 key given twice", "r.yaml:2: goal is given twice (first on line 1)", "goal: a\ngoal: b\n"),
    _written(
        "8 unknown key", "r.yaml:1: mertic: no such option; did you mean metric?", "mertic: {command: x}\n"
    ),
    _written(
        "9 direction up",
        "r.yaml:1: metric.direction: 'up' is not one of lower, higher",
        "metric: {command: x, direction: up}\n",
    ),
    _written(
        "10 sexagesimal",
        "r.yaml:1: metric.timeout_s: '1:30' is not a number",
        "metric: {command: x, timeout_s: 1:30}\n",
    ),
    _written("10 negative", "metric.timeout_s: -5 s leaves no time", "metric: {command: x, timeout_s: -5}\n"),
    _written("10 zero", "metric.timeout_s: 0 s leaves no time", "metric: {command: x, timeout_s: 0}\n"),
    _written("10 nan", "metric.timeout_s: nan is not a number", "metric: {command: x, timeout_s: .nan}\n"),
    _written("10 true", "metric.timeout_s: true is not a number", "metric: {command: x, timeout_s: true}\n"),
    _written(
        "10 budget of words", "budget.wall: 'a while'", "metric: {command: x}\nbudget: {wall: a while}\n"
    ),
    _written("11 no command", "metric.command: is missing", "goal: a\n"),
    _written(
        "11 command is a list", "r.yaml:1: metric.command: a list is not text", "metric: {command: [a, b]}\n"
    ),
    _written("11 command is null", "metric.command: null is not text", "metric: {command: null}\n"),
    _written(
        "16 no group",
        "metric.extract.pattern",
        "metric: {command: x, extract: {kind: regex, pattern: abc}}\n",
    ),
    _written(
        "16 two groups",
        "metric.extract.pattern",
        "metric: {command: x, extract: {kind: regex, pattern: (a)(b)}}\n",
    ),
    _written(
        "16 no regex",
        "metric.extract.pattern",
        "metric: {command: x, extract: {kind: regex, pattern: '('}}\n",
    ),
    _written(
        "16 guard's regex", "guards.g.expect is '('", _RUN + "guards: {g: {command: 'true', expect: (}}\n"
    ),
    _written("18 goal of two lines", "goal: has several lines", 'goal: "a\\nb"\n' + _RUN),
    _written("18 NUL in a command", "r.yaml:1: a control character", b'metric: {command: "a\x00b"}\n'),
    _written("18 escaped NUL", "metric.command: contains a NUL", 'metric: {command: "a\\0b"}\n'),
    _written(
        "20 sandbox",
        "r.yaml:1: sandbox: only you can set this, on the command line",
        "sandbox: none\n" + _RUN,
    ),
    _written(
        "20 confirm", "r.yaml:1: confirm: only you can set this, on the command line", "confirm: no\n" + _RUN
    ),
    _written(
        "20 secrets",
        "metric.pass_env: only you can set this, on the command line",
        "metric: {command: x, pass_env: [AWS_*]}\n",
    ),
    _written("20 agent's command", "agent.command: a recipe can set", _RUN + "agent: {command: curl}\n"),
    _written("21 itself", "a recipe cannot build on itself", "defaults: [r]\n"),
    _written("21 unknown base", "r.yaml:1: recipe: nobody: no such recipe", "defaults: [nobody]\n"),
    _written("21 target", "_target_", _RUN + "options: {a: {_target_: os.system}}\n"),
    _written("21 resolver", "r.yaml:1: goal", "goal: ${oc.env:HOME}\n" + _RUN),
    _written("24 low above high", "params.p", _RUN + _PARAM % "low: 5, high: 1"),
    _written("24 log with 0", "params.p", _RUN + _PARAM % "low: 0, high: 9, log: true"),
    _written("24 no choices", "params.p", _RUN + _PARAM % "choices: []"),
    _written("24 step 0", "params.p", _RUN + _PARAM % "low: 1, high: 9, step: 0"),
    Row(
        name="22 FIFO",
        words=("recipe=r", "scope=src"),
        says="is not a regular file",
        make=_special(os.mkfifo),
    ),
    Row(
        name="22 directory", words=("recipe=r", "scope=src"), says="is a directory", make=_special(Path.mkdir)
    ),
    Row(
        name="22 device",
        words=("recipe=r", "scope=src"),
        says="is not a regular file",
        make=_special(lambda path: path.symlink_to("/dev/zero")),
    ),
    Row(
        name="22 dangling link",
        words=("recipe=r", "scope=src"),
        says="cannot be read: No such file",
        make=_special(lambda path: path.symlink_to("nowhere")),
    ),
    _written("22 large", "has 500000 bytes, but a recipe has at most", b"#" * 500_000),
]

SCOPES = [
    _typed("12 scope empty", "scope: is missing", "scope="),
    _typed("12 scope of nothing", "scope", "scope=[]"),
    _typed("12 scope without files", "scope", "scope=nothing/**"),
    *(
        _typed(f"13 scope {place}", "scope", f"scope={place}")
        for place in ("../x", "/etc/**", ".git/**", "~/x")
    ),
    _typed("13 scope of a drive", "scope", "scope='C:\\x'"),
    _typed("14 scope has the benchmark", "bench.sh", "scope=[bench.sh,src]"),
    _typed(
        "14 scope has a guard's script",
        "check.sh",
        "scope=.",
        "metric.command=echo METRIC t=1",
        "guards.g.command=sh check.sh",
    ),
    _typed("15 off limits is text", "off_limits: 'a' is not a list", "off_limits=a"),
]

COMMAND_LINE = [
    Row(name="25 no repository", words=BARE, says="/: not in a git repository", code=REPOSITORY, cwd="/"),
    Row(name="25 repo is a file", words=(*BARE, "repo=bench.sh"), says="bench.sh", code=REPOSITORY),
    Row(name="25 repo does not exist", words=(*BARE, "repo=nowhere"), says="nowhere", code=REPOSITORY),
    _typed("26 unknown flag", "unrecognized arguments: --fast", "--fast"),
    _typed("26 stray word", "stray: is not an option", "stray"),
    _typed("26 experiments abc", "budget.experiments: 'abc' is not a whole number", "budget.experiments=abc"),
    _typed("26 experiments 0", "budget.experiments", "budget.experiments=0"),
    _typed("26 experiments -1", "budget.experiments", "budget.experiments=-1"),
    _typed("26 cost -1", "budget.cost_usd", "budget.cost_usd=-1"),
    _typed("26 wall 1x", "budget.wall", "budget.wall=1x"),
    _typed("26 unknown recipe", "nobody: no such recipe", "recipe=nobody"),
    _typed(
        "26 unknown option", "metric.comand: no such option; did you mean metric.command?", "metric.comand=x"
    ),
    Row(
        name="26 a setting of Hydra's that is none",
        words=("-m", *BARE, "+hydra.sweeper.params.x=1"),
        says="+hydra.sweeper.params.x=1: Hydra cannot use this",
    ),
    _typed("26 plus", "new.key: no such option", "+new.key=1"),
    Row(
        name="26 unknown subcommand", words=("shwo", "x"), says="shwo: no such subcommand; did you mean show?"
    ),
    *(
        Row(name=f"27 {name} of no run", words=(name, "nobody"), says="there are no runs here yet")
        for name in ("show", "resume", "report", "brief", "finish", "merge")
    ),
    Row(name="27 show with a flag", words=("show", "x", "--colour"), says="show"),
    Row(name="27 runs with a word", words=("runs", "--jsno"), says="runs"),
    Row(name="27 demo of nothing", words=("demo", "nothing"), says="nothing"),
    Row(name="27 recipes of nothing", words=("recipes", "shwo"), says="recipes shwo: not understood"),
    _typed("29 run id with a slash", "run_id: 'a/b' cannot name a run", "run_id=a/b"),
    _typed("29 run id .git", "run_id", "run_id=.git"),
    _typed("29 run id of a number", "run_id: '7' cannot name a run", "run_id=7"),
    _typed(
        "34 agent not installed",
        "agent: codex: nowhere-to-be-found is not on the PATH",
        "agent=codex",
        "propose.use=[agent]",
        "agent.program=nowhere-to-be-found",
    ),
    _typed("34 unknown agent", "nobody", "agent=nobody"),
    _typed(
        "17 unknown placeholder",
        "agent.command: {unknown} stands for nothing",
        "agent=command",
        "agent.command='x {unknown}'",
        "propose.use=[agent]",
    ),
    _typed("35 unknown proposer", "propose.use", "propose.use=[nobody]"),
    _typed("35 nobody has ideas", "propose.use", "propose.use=[]"),
]

OUTPUTS = [
    _printed("33 command not found", "exit code 127 (command not found)", "no-such-program"),
    _printed("33 not executable", "exit code 126 (not executable)", "./bench.sh"),
    _printed("36 needs a terminal", "METRIC", "tty && echo METRIC t=1 || echo no"),
    _printed("36 reads stdin", "METRIC", "read x; echo got $x"),
    _printed("37 nothing", "METRIC", "true"),
    _printed("38 two values", "METRIC", "echo METRIC t=1; echo METRIC t=2"),
    _printed("39 not a number", "'nan' is no finite number", "echo METRIC t=nan"),
    _printed("39 infinite", "'1e400' is no finite number", "echo METRIC t=1e400"),
    _printed("40 decimal comma", "comma", "echo METRIC t=0,53"),
    _printed("41 underscore", "'1_000' is no plain number", "echo METRIC t=1_000"),
    _printed("41 hexadecimal", "'0x10' is no plain number", "echo METRIC t=0x10"),
    _printed("43 UTF-16", "METRIC", "echo METRIC t=1 | iconv -t utf-16"),
    _printed("44 on the error stream", "METRIC", "echo METRIC t=1 >&2"),
    _printed("45 exit code 1", "exit code 1", "echo METRIC t=1; exit 1"),
    _printed("46 killed", "killed by SIGKILL (out of memory?)", "echo METRIC t=1; kill -9 $$"),
    _printed(
        "47 no file",
        "out.json",
        "true",
        "metric.extract.kind=json",
        "metric.extract.pattern=t",
        "metric.extract.file=out.json",
        kind="json",
    ),
    _printed(
        "47 file is a link out",
        "out.json",
        "ln -s /etc/passwd out.json",
        "metric.extract.kind=json",
        "metric.extract.pattern=t",
        "metric.extract.file=out.json",
        kind="json",
    ),
    _printed("48 flood", "printed more than 64 MB", "yes METRIC | head -c 80000000"),
    _printed("49 hang", "its time limit", "sleep 60", "metric.timeout_s=0.5"),
    _printed("51 notices nothing", "scope", "echo METRIC t=1"),
    _printed("55 prepare fails", "metric.prepare: exit code 3", "echo METRIC t=1", "metric.prepare=exit 3"),
    _printed("55 guard fails", "guards", "sh bench.sh", "guards.g.command=exit 3"),
]

ROWS = [*RECIPES, *SCOPES, *COMMAND_LINE, *OUTPUTS]
