"""Nothing that was not written on this machine runs before its exact content is trusted."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoopt import cli, trust
from autoopt.agents.prompts import Prompts
from autoopt.compose import grammar, library, named, refusals, resolvers
from autoopt.errors import DamagedStateError, ResourceError, UsageError
from autoopt.trust import Material, Store

RECIPE = """\
goal: fewer
scope: [src]
metric: {command: bash bench.sh, extract: {kind: named, pattern: n}, warmups: 0, probe: no}
propose: {use: [codemods]}
params: {n: {file: src/a.py, python: x, choices: [1, 2]}}
budget: {experiments: 1}
"""


class Place:
    """A cloned repository whose every script leaves a mark outside when it is run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.environ = {
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "MARKS": str(self.marks),
            "SECRET_TOKEN": "s3cr3t-v4lue",
            "PATH": os.environ["PATH"],
        }
        self.open = ("sandbox=none", "confirm=no")  # whatever runs can leave its mark
        self.write("src/a.py", "x = 1\n")
        self.write("bench.sh", f"touch {self.marks}/bench\necho METRIC n=1\n")
        self.write(".autoopt/recipes/boxes.yaml", RECIPE)
        self.git("init", "-q", "-b", "main")
        self.commit()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def git(self, *words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t")
        subprocess.run(["git", *identity, *words], cwd=self.root, check=True)

    def commit(self) -> None:
        self.git("add", "-A", ".")
        self.git("commit", "-qm", "more")

    def autoopt(self, *words: str, code: int = 0) -> str:
        """What a command without a terminal says on both outputs; its process is this one."""
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            for name in ("AUTOOPT_RECIPES", *os.environ.keys() & {"COLUMNS", "XDG_CONFIG_HOME"}):
                patch.delenv(name, raising=False)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            patch.setattr(sys, "stdin", io.StringIO())
            assert cli.main(list(words)) == code, said.getvalue()
        return said.getvalue()

    def process(self, *words: str, code: int = 0) -> str:
        """The same in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def answering(self, answer: str, *words: str) -> tuple[int, str]:
        """Exit code and everything shown on a terminal where a person answers the question for trust."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.root)
            os.execve(sys.executable, [sys.executable, "-m", "autoopt", *words], self.environ)
        shown, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:
                    break
                if b"content? [y/N] " in shown + piece and b"content? [y/N] " not in shown:
                    os.write(terminal, f"{answer}\n".encode())
                shown += piece
                if not piece:
                    break
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def left(self) -> set[str]:
        return {path.name for path in self.marks.iterdir()}

    @property
    def store(self) -> Path:
        return Path(self.environ["XDG_STATE_HOME"], "autoopt", "trust.json")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_a_terminal_nothing_runs_and_the_command_to_agree_with_is_said(place: Place) -> None:
    for words in (
        ["recipe=boxes", "confirm=no"],
        ["start", "recipe=boxes", "--json"],
        ["doctor", "recipe=boxes"],
    ):
        said = place.autoopt(*words, code=7)

        assert said.count("\n") == 1 and said.startswith("autoopt: recipe boxes (")
        assert "autoopt recipes trust boxes (" in said
    assert place.left() == set()
    assert not Path(place.environ["XDG_STATE_HOME"]).exists()
    assert "not trusted" in place.autoopt("recipes").partition("boxes ")[2].partition("\n")[0]
    assert "recipes trust boxes" in place.autoopt("recipes", "trust", "boxes", code=7)


def test_trusted_content_runs_and_one_changed_byte_asks_again_and_says_where(place: Place) -> None:
    shown = place.autoopt("recipes", "trust", "boxes", "--yes")
    assert "1. metric.command: bash bench.sh" in shown and "It may change: src" in shown
    assert "params.n" not in shown  # a constant's name, which runs nothing
    assert place.store.stat().st_mode & 0o777 == 0o600
    place.process("recipe=boxes", "run_id=r1", *place.open)
    assert place.left() == {"bench"}
    (place.marks / "bench").unlink()

    bench = (place.root / "bench.sh").read_text()
    place.write("bench.sh", bench + " ")
    said = place.autoopt("recipe=boxes", *place.open, code=7)
    assert "as it is now: bench.sh changed" in said
    place.write("bench.sh", bench)
    place.write(".autoopt/recipes/boxes.yaml", RECIPE + "#")
    assert ".autoopt/recipes/boxes.yaml changed" in place.autoopt("recipe=boxes", *place.open, code=7)
    assert ".autoopt/recipes/boxes.yaml changed" in place.autoopt(
        "resume", "r1", "budget.experiments=9", code=7
    )
    assert place.left() == set()

    place.write(".autoopt/recipes/boxes.yaml", RECIPE)
    place.write("src/a.py", "x = 2\n")  # in the scope, which a run changes itself
    place.commit()
    assert " trusted" in place.autoopt("recipes").partition("boxes ")[2].partition("\n")[0]
    place.autoopt("recipes", "untrust", "boxes")
    place.autoopt("recipe=boxes", *place.open, code=7)


def test_an_agreement_holds_for_whatever_scope_a_run_is_given(place: Place) -> None:
    place.write(".autoopt/recipes/boxes.yaml", RECIPE.replace("[src]", "[src, bench.sh]"))
    place.autoopt("recipes", "trust", "boxes", "--yes")

    said = place.autoopt("recipe=boxes", "scope=nothing", *place.open, code=2)
    assert "nothing matches no committed file" in said


def test_what_is_committed_counts_where_the_disk_has_something_else(place: Place) -> None:
    bench = (place.root / "bench.sh").read_text()
    place.write("bench.sh", f"touch {place.marks}/planted\n")
    place.commit()
    place.write("bench.sh", bench)
    place.autoopt("recipes", "trust", "boxes", "--yes")
    place.git("checkout", "-q", "bench.sh")

    assert "bench.sh changed" in place.autoopt("recipe=boxes", *place.open, code=7)


def test_a_person_at_a_terminal_is_shown_what_would_run_and_asked_whatever_confirm_says(place: Place) -> None:
    hiding = 'metric: {command: "bash bench.sh \\e[2K\\e[1A \\u202e", extract: {kind: named, pattern: n}}'
    place.write(".autoopt/recipes/hiding.yaml", f"scope: src\n{hiding}\npropose: {{use: [codemods]}}\n")
    for answer in ("n", "", "what"):
        code, shown = place.answering(answer, "recipe=hiding", *place.open)
        assert code == 7 and "\x1b[2K" not in shown and "\u202e" not in shown
        assert r"1. metric.command: bash bench.sh \x1b[2K\x1b[1A \u202e" in shown
        assert "was not written on this machine." in shown and "Trust this exact content? [y/N]" in shown
    assert place.left() == set()

    quick = ("metric.probe=no", "metric.baseline_samples=1", "budget.experiments=1")
    code, shown = place.answering("y", "recipe=hiding", *quick, *place.open)
    assert place.left() == {"bench"}, shown
    assert "content? [y/N]" not in place.answering("n", "recipes", "trust", "hiding")[1]


def test_agents_and_prompts_of_a_repository_are_agreed_to_by_themselves(place: Place) -> None:
    place.write(
        ".autoopt/agents/mine.yaml", f"command: touch {place.marks}/agent\npass_env: [SECRET_TOKEN]\n"
    )
    place.write(".autoopt/prompts/think.md.j2", "{{ cycler.__init__.__globals__ }}")
    words = ("recipe=command", "scope=src", "metric.command=true", "propose.use=[agent]", *place.open)
    said = place.autoopt(*words, "agent=mine", code=7)
    assert "agent mine (" in said and "prompts (" in said and "trust agent=mine --prompts" in said
    assert "is not trusted. They were not written on this machine, so nothing of them runs" in said
    assert "prompts (" in place.autoopt(*words, "agent=command", "agent.command=true", code=7)
    several = place.autoopt("-m", *words, "agent=glob(mi*)", code=7)  # of which only the sweeper knows
    assert "agent mine (" in several
    assert place.left() == set()

    shown = place.autoopt("recipes", "trust", "agent=mine", "--yes")
    assert "agent.command: touch" in shown and "gets from your environment: SECRET_TOKEN" in shown
    assert "think.md.j2:1: access to attribute '__init__'" in place.autoopt(*words, "agent=mine", code=2)


def test_prompts_that_came_later_are_not_read_by_a_run_that_goes_on(place: Place) -> None:
    place.autoopt("recipes", "trust", "boxes", "--yes")
    place.process("start", "recipe=boxes", "run_id=r1")
    place.write(".autoopt/prompts/question.md.j2", "planted")

    assert "trust --prompts" in place.autoopt("brief", "r1", code=7)


@pytest.mark.parametrize("where", ["AUTOOPT_RECIPES", "pack"])
def test_shared_folders_and_packs_need_trust_and_the_users_own_do_not(
    place: Place, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.root.parent / "site" / "fine_pack" / "recipes"
    folder.mkdir(parents=True)
    (folder / "shared.yaml").write_text(RECIPE)
    if where == "pack":
        (folder.parent / "__init__.py").write_text("raise RuntimeError('imported')")
        information = folder.parents[1] / "fine_pack-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: fine_pack\nVersion: 1\n")
        (information / "entry_points.txt").write_text("[autoopt.recipes]\nfine = fine_pack.recipes\n")
        monkeypatch.syspath_prepend(str(folder.parents[1]))
    else:
        place.environ["AUTOOPT_RECIPES"] = str(folder)
    own = Path(place.environ["XDG_CONFIG_HOME"], "autoopt", "recipes")
    own.mkdir(parents=True)
    (own / "own.yaml").write_text(RECIPE)
    (own / "heir.yaml").write_text("defaults: [shared, _self_]\n")

    assert "recipe shared (" in place.autoopt("recipe=shared", *place.open, code=7)
    assert "recipe heir (" in place.autoopt("recipe=heir", *place.open, code=7)
    assert "recipe shared (" in place.autoopt("-m", "recipe=glob(sha*)", *place.open, code=7)
    assert place.left() == set()
    place.process("recipe=own", "run_id=own", *place.open)
    assert place.left() == {"bench"}


ATTACKS = {
    "target": ("options: {x: {_target_: os.system}}", ":1: options.x._target_: names code to load"),
    "target-deep": ("params: {p: {first: [{a: [{_target_: os.system}]}]}}", "_target_: names code"),
    "target-guard": ("guards: {_target_: {command: x}}", "guards._target_: names code"),
    "partial": ("options: {x: {_partial_: true}}", "names code to load"),
    "hydra": ("hydra: {callbacks: {a: {_target_: os.system}}}", "hydra: no such option"),
    "environment": (
        "goal: a\nmetric: {command: 'x ${oc.env:SECRET_TOKEN}'}",
        "metric.command: ${oc.env:...}",
    ),
    "decoded": ("options: {x: '${oc.decode:\"${oc.env:HOME}\"}'}", "cannot be called"),
    "computed": (
        "options: {n: oc.env}\nmetric: {command: '${${options.n}:HOME}'}",
        ":2: metric.command: ${${",
    ),
    "quoted-brace": (
        "metric: {command: \"${quote:'}',\\\\${oc.env:HOME}}\"}",
        "${oc.env:...} cannot be",
    ),
    "in-agent": ("agent: {model: '${oc.env:SECRET_TOKEN}'}", "cannot be called"),
    "tag": ("goal: !!python/object/apply:os.system ['touch $MARKS/tag']", "tags (`!...`) are not allowed"),
    "include": ("goal: !include /etc/passwd", "tags"),
    "up": ("defaults: ['../../evil']", "a recipe can build on recipes only"),
    "absolute": ("defaults: ['/etc/passwd']", "no such recipe"),
    "hydra-group": ("defaults: [{override /hydra/launcher: basic}]", "recipes only"),
    "sandbox": ("goal: a\nsandbox: none", ":2: sandbox: only you can set this, on the command line."),
    "writable": ("writable: [/]", "writable: only you can set this"),
    "trust": ("trust: true", "trust: only you can set this"),
    "confirm": ("confirm: no", "confirm: only you can set this"),
    "repo": ("repo: /", "repo: only you can set this"),
    "secrets": ("metric: {command: x, pass_env: ['*']}", "metric.pass_env: only you can set this"),
    "secrets-moved": (
        "options: {m: {pass_env: ['*']}}\nmetric: ${options.m}",
        ":2: metric: a group of",
    ),
    "suspicions": ("suspicions: {ignore: [clock]}", "suspicions.ignore: only you can set this"),
    "desk": ("workspace: {desk: ../../elsewhere}", "workspace.desk: only you can set this"),
    "in-place": ("workspace: {mode: inplace}", "workspace.mode: only you can set this"),
    "new-names": ("workspace: {allow_new: ['**']}", "workspace.allow_new: only you can set this"),
    "agent-command": ("agent: {command: touch $MARKS/agent}", "a recipe can set model"),
    "alias": ("a: &a [1]\nb: *a", "anchors and aliases"),
}


def test_recipes_that_reach_for_more_are_refused_with_their_line(place: Place, capsys) -> None:
    for name, (text, expected) in ATTACKS.items():
        path = place.write(f".autoopt/recipes/{name}.yaml", f"{text}\n")
        with pytest.raises(UsageError) as refused:
            library.Library((library.Shelf(label="repository", path=path.parent),)).lineage(name)

        said = str(refused.value)
        assert "\n" not in said and expected in said, (name, said)
        assert said.startswith(f"{path}:")
    assert place.left() == set()


def test_a_recipe_behind_a_link_out_of_its_folder_is_refused(place: Place) -> None:
    (place.root.parent / "else.yaml").write_text(RECIPE)
    (place.root / ".autoopt/recipes/linked.yaml").symlink_to(place.root.parent / "else.yaml")
    (place.root / ".autoopt/prompts").mkdir()
    (place.root / ".autoopt/prompts/edit.md.j2").symlink_to("/etc/passwd")

    assert "leads out of" in place.autoopt("recipe=linked", "confirm=no", code=2)
    assert "is no plain file" in place.autoopt("recipes", "trust", "--prompts", "--yes", code=2)


TEMPLATES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.system('touch MARK') }}",
    "{{ lipsum.__globals__['os'].popen('touch MARK').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('__cla' ~ 'ss__') }}",
    "{{ [''.format]|map('call', x=1)|list }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(goal) }}",
    "{{ '{a.__class__}'.format_map({'a': goal}) }}",
    "{{ ('{0.__class__}'|attr('format'))(goal) }}",
    "{{ scope.append('x') }}",
    "{{ scope.__setitem__(0, 'x') }}",
    "{% set idea.hypothesis = 'x' %}",
    "{{ undefined_name }}",
    "{{ idea.no_such_thing }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../../../../etc/passwd' %}",
    "{% import 'os' as os %}{{ os.system('touch MARK') }}",
    "{{ range(999999999)|list }}",
    "{% for a in range(100001) %}{% endfor %}",
]


@pytest.mark.parametrize("text", TEMPLATES)
def test_a_template_reaches_nothing_but_what_it_is_given(text: str, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "edit.md.j2").write_text(text.replace("MARK", f"{tmp_path}/mark"))

    with pytest.raises(UsageError) as refused:
        Prompts([tmp_path / "prompts"]).check()
    assert "\n" not in str(refused.value) and "root:" not in str(refused.value)
    assert not (tmp_path / "mark").exists()


def test_a_repository_brings_no_modules_of_its_own(place: Place) -> None:
    for name in ("yaml", "omegaconf", "hydra_plugins/evil", "rich", "difflib", "dulwich"):
        place.write(f"{name}.py", f"open({str(place.marks / 'module')!r}, 'w')\n")

    place.process("recipe=boxes", "confirm=no", code=7)
    assert place.left() == set()


PIECES = st.lists(st.sampled_from([*"\\${}'\":,[]a.", "${", "${oc.env:X}", "${a}"]), max_size=10)


@settings(max_examples=300)
@given(PIECES.map("".join))
@example("${quote:'}',\\${oc.env:X}}")
@example("\\\\${oc.env:X}")
def test_no_call_is_overlooked(text: str) -> None:
    assert set(grammar.calls(text)) <= set(refusals.calls(text))


def test_only_known_functions_are_ours() -> None:
    from omegaconf import OmegaConf

    resolvers.register({})

    assert all(OmegaConf.has_resolver(name) for name in refusals.FUNCTIONS)
    assert list(refusals.calls("echo \\${HOME:-x} $HOME")) == []


@pytest.mark.parametrize(
    "command",
    [
        "python bench.py",
        "PYTHONPATH=src exec python3 ./bench.py | tail -1",
        "bash -c 'python bench.py'",
        "cd tools && ./go.sh",
        "make -C tools go.sh",
        "python -m pkg.mod",
        "tool --config=conf.toml",
        "make bench",
        "cat 'my bench.py'",
        "$PWD/bench.py",
        "python <bench.py",
        'sh "tools"/go.sh',
        "sh tools/g?.sh",
        "T=tools; sh ${T}/go.sh",
        "PYTHONPATH=pkg python -m mod",
    ],
)
def test_the_files_that_a_command_names_are_found(command: str, tmp_path: Path) -> None:
    wanted = {
        "bench.py": re.search(r"(?<!my )bench\.py", command),
        "tools/go.sh": re.search(r"g[o?]\.sh", command),
        "pkg/mod.py": re.search("pkg.*mod", command),
        "conf.toml": "conf.toml" in command,
        "Makefile": command == "make bench",
        "my bench.py": "my bench" in command,
    }
    for name in (*wanted, "other.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [path for path in named.candidates([command], tmp_path) if named.is_meant(path, tmp_path)]

    expected = {name for name, is_there in wanted.items() if is_there}
    assert {named.label(path, tmp_path) for path in found} >= expected
    assert "other.py" not in {named.label(path, tmp_path) for path in found}


def test_programs_of_the_machine_are_no_part_of_a_recipe(tmp_path: Path) -> None:
    names = [sys.executable, "/bin/sh", "/etc/passwd"]
    found = named.candidates([shlex.join(names)], tmp_path)

    assert not [path for path in found if named.is_meant(path, tmp_path)]


def material(**files: str) -> Material:
    return Material(name="recipe r", place=Path("/r.yaml"), files=files, words=("r",))


def test_the_store_wants_all_content_of_one_time_and_this_major_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store({"XDG_STATE_HOME": str(tmp_path)})
    store.add([material(a="1", b="1"), material(a="2", b="2")])

    assert store.trusts(material(a="1", b="1")) and store.trusts(material(a="2"))
    assert not store.trusts(material(a="1", b="2")) and not store.trusts(material())
    assert store.changed(material(a="2", b="3", c="4")) == ("b", "c")
    monkeypatch.setattr(trust, "__version__", "99.0")
    assert not store.trusts(material(a="1", b="1"))


def test_a_file_that_a_recipe_names_is_agreed_to_as_that_and_not_as_an_agent(tmp_path: Path) -> None:
    store = Store({"HOME": str(tmp_path)})
    agent = Material(name="agent a", place=Path("/a.yaml"), files={"a.yaml": "1"})
    store.add([Material(name="recipe r", place=Path("/r.yaml"), files={"r.yaml": "0", "a.yaml": "1"})])
    assert store.trusts(Material(name="recipe s", place=Path("/a.yaml"), files={"a.yaml": "1"}))
    assert not store.trusts(agent)
    store.add([agent, Material(name="recipe s", place=Path("/a.yaml"), files={"a.yaml": "1"})])
    assert store.trusts(agent)


def test_a_store_that_others_can_write_or_that_is_in_the_repository_is_refused(
    tmp_path: Path,
) -> None:
    store = Store({"XDG_STATE_HOME": str(tmp_path)})
    store.add([material(a="1")])
    store.path.chmod(0o620)
    with pytest.raises(DamagedStateError, match="others can"):
        store.trusts(material(a="1"))
    store.path.chmod(0o600)
    store.path.write_text(json.dumps({"trusted": {"x": {"files": {}}}}))
    with pytest.raises(DamagedStateError, match="is damaged"):
        store.trusts(material(a="1"))
    store.path.rename(tmp_path / "moved")
    store.path.symlink_to(tmp_path / "moved")
    with pytest.raises(DamagedStateError, match="cannot be read"):
        store.trusts(material(a="1"))
    with pytest.raises(ResourceError, match="is in the repository"):
        Store({"XDG_STATE_HOME": str(tmp_path / "clone" / "x")}, tmp_path / "clone")
