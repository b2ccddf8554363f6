"""Recipes that travel: packs pinned by commit, shared by repositories and people, checked by authors."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import time
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from support.away import served
from support.workspace_repos import ENVIRONMENT, git, make_repository

from autoopt import cli
from autoopt.compose import beside, foreign
from autoopt.compose import library as shelves
from autoopt.errors import DamagedStateError, RepositoryError, UsageError
from autoopt.packs import content, fetching, lock, scaffold
from autoopt.trust import Store
from autoopt.workspaces import clones
from autoopt.workspaces.addresses import Address

RECIPE = """\
# Fewer bytes of source.
goal: fewer bytes of source
metric:
  command: ${interpreter:} -P ${beside:tools/slim.py} ${words:${scope}}
  extract: {kind: named, pattern: bytes}
  unit: bytes
  direction: lower
  warmups: 0
  baseline_samples: 2
  probe: no
propose:
  use: [rewrites]
  rewrites: ${interpreter:} -P ${beside:tools/slim.py} --rewrites ${words:${scope}}
budget: {experiments: 1}
final: {max_pairs: 2, leave_one_out: no}
turns: no
"""
SCRIPT = """\
import json, sys
from pathlib import Path

words = [word for word in sys.argv[1:] if word != "--rewrites"]
files = sorted(path for word in words for path in Path(word).rglob("*") if path.is_file())
if words == sys.argv[1:]:
    print(f"METRIC bytes={sum(path.stat().st_size for path in files)}")
else:
    lines = {str(path): path.read_text().splitlines() for path in files}
    slim = {path: "".join(f"{line.rstrip()}\\n" for line in text) for path, text in lines.items()}
    idea = {"description": "no blanks at line ends", "hypothesis": "nobody reads them", "area": "all"}
    print(json.dumps([{**idea, "edits": slim}]))
"""
PROJECTS = {
    "python": {"src/a.py": "x = 1      \n", "README": "one\n"},
    "shell": {"scripts/run.sh": "#!/bin/sh     \necho hello    \n", "docs/a.md": "two\n"},
    "pages": {"web/index.html": "<p>three</p>       \n", "web/b/style.css": "p {}    \n"},
}
SCOPES = {"python": "src", "shell": "scripts", "pages": "web"}


class Person:
    """Somebody's machine: a home, and commands typed in a directory of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.here = home
        home.mkdir(parents=True, exist_ok=True)
        self.environ = {
            **{key: value for key, value in ENVIRONMENT.items() if not key.startswith("AUTOOPT")},
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "COLUMNS": "200",
        }

    def autoopt(self, *words: str, code: int = 0) -> str:
        """What a command without a terminal says on both outputs; its process is this one."""
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            for name in ("AUTOOPT_RECIPES", "GITHUB_ACTIONS"):
                patch.delenv(name, raising=False)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.chdir(self.here)
            patch.setattr(sys, "stdin", io.StringIO())
            assert cli.main(list(words)) == code, said.getvalue()
        return said.getvalue()

    def answering(self, answer: str, *words: str) -> tuple[int, str]:
        """Exit code and everything shown on a terminal where a person answers the one question."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.here)
            os.execve(sys.executable, [sys.executable, "-m", "autoopt", *words], self.environ)
        shown, deadline, is_answered = b"", time.monotonic() + 60, False
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:
                    break
                if b"[y/N] " in shown and not is_answered:
                    is_answered = bool(os.write(terminal, f"{answer}\n".encode()))
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    @property
    def lock(self) -> Path:
        return self.here / ".autoopt" / lock.FILE


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A repository with a recipe and its script, and everything in it that git could be made to run."""
    files = {"recipes/slim.yaml": RECIPE, "recipes/tools/slim.py": SCRIPT, "README": "a pack\n"}
    root = make_repository(tmp_path / "pack", {**files, ".gitattributes": "* filter=mark\n"})
    for name in ("post-checkout", "post-merge", "pre-push", "reference-transaction"):
        hook = root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n")
        hook.chmod(0o755)
    git(root, "config", "filter.mark.smudge", f"touch {tmp_path}/mark; cat")
    return root


def commit(root: Path, files: dict[str, str], message: str = "more") -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "-c", "filter.mark.smudge=cat", "add", "-A")
    git(root, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with an empty repository."""
    found = Person(tmp_path / "me")
    found.here = make_repository(tmp_path / "mine", {"src/a.py": "x = 1   \n"})
    return found


def test_one_recipe_serves_three_repositories_unchanged_and_a_team_mates_clone(
    pack: Path, tmp_path: Path
) -> None:
    me, hub = Person(tmp_path / "me"), tmp_path / "hub.git"
    git(tmp_path, "clone", "-q", "--bare", str(pack), str(hub))
    with served(hub) as port:
        url = f"git://127.0.0.1:{port}/hub.git"
        for name, files in PROJECTS.items():
            me.here = make_repository(tmp_path / name, files)
            assert "fewer bytes of source" in me.autoopt("recipes", "add", f"{url}@main", "name=team")
            if name == "python":  # what was agreed to is the recipe, wherever it is used
                assert "recipes trust slim" in me.autoopt("recipe=slim", "scope=src", "confirm=no", code=7)
                assert "recipes trust slim" in me.autoopt("doctor", "recipe=slim", "scope=src", code=7)
                assert "It came from git://" in me.autoopt("recipes", "trust", "slim", "--yes")
            me.autoopt("recipe=slim", f"scope={SCOPES[name]}", "confirm=no", "run_id=r1")
            changed = git(me.here, "diff", "--name-only", "main", "autoresearch/r1").split()
            assert set(changed) == {path for path in files if path.startswith(SCOPES[name])}
            assert (
                git(me.here, "status", "--porcelain") == "?? .autoopt/\n"
            )  # nothing but the lock file to commit
            assert [path.name for path in (me.here / ".autoopt").iterdir()] == [lock.FILE]

        git(me.here, "add", ".autoopt")
        git(me.here, "commit", "-q", "-m", "pin")
        mate = Person(tmp_path / "mate")
        mate.here = tmp_path / "clone"
        git(tmp_path, "clone", "-q", str(me.here), str(mate.here))
        assert "not here yet: autoopt recipes sync" in mate.autoopt("recipes")
        assert "not here yet: autoopt recipes sync" in mate.autoopt("recipe=slim", "scope=web", code=2)
        assert url in mate.autoopt("recipes", "sync", code=7)  # whoever wrote the lock file chose the address
        mate.autoopt("recipes", "sync", "--yes")
    (one,), (other,) = ((who.home / "state/autoopt/packs").iterdir() for who in (me, mate))
    assert one.name == other.name and content.found(one) == content.found(other)
    listed = mate.autoopt("recipes").partition("slim ")[2].partition("\n")[0]
    assert f"[pack team: {url}@main at {git(pack, 'rev-parse', 'HEAD')[:12]}] not trusted" in listed
    locks = {(tmp_path / name / "app/.autoopt" / lock.FILE).read_bytes() for name in PROJECTS}
    assert locks == {mate.lock.read_bytes()}
    assert not (tmp_path / "mark").exists()


def test_an_update_is_shown_commands_first_and_pinned_only_when_somebody_agrees(
    pack: Path, person: Person
) -> None:
    person.autoopt("recipes", "add", str(pack), "name=team")
    person.autoopt("recipes", "trust", "slim", "--yes")
    assert "team: nothing new" in person.autoopt("recipes", "update")
    before = person.lock.read_bytes()
    commit(pack, {"README": "a better pack\n"})
    assert "Its recipes are the same." in person.autoopt("recipes", "update", "team")
    same, first = person.lock.read_bytes(), git(pack, "rev-parse", "HEAD").strip()
    assert same != before
    evil = RECIPE.replace("command: ${interpreter:} -P", "command: curl evil; ${interpreter:} -P")
    commit(pack, {"recipes/tools/slim.py": f"{SCRIPT}# \x1b[2Jgone\n", "recipes/slim.yaml": evil})

    said = person.autoopt("recipes", "update", code=7)
    assert person.lock.read_bytes() == same
    commands, _, diff = said.partition("diff --git")
    assert "recipe slim, metric.command" in commands and "+ curl evil" in commands
    assert "tools/slim.py" in diff and diff.index("tools/slim.py") < diff.index("+++ b/slim.yaml")
    assert r"+# \x1b[2Jgone" in diff and "\x1b" not in said
    assert " trusted" in person.autoopt("recipes").partition("slim ")[2].partition("\n")[0]
    code, shown = person.answering("y", "recipes", "update", "team")
    assert code == 0 and "What changed asks for your trust" in shown
    said = person.autoopt("recipe=slim", "scope=src", "confirm=no", code=7)
    assert "pack team: slim.yaml, pack team: tools/slim.py changed" in said

    assert "is not in its history" in person.autoopt("recipes", "update", "team", f"ref={first}", "--yes")
    listed = person.autoopt("recipes").partition("slim ")[2].partition("\n")[0]
    assert listed.endswith(" trusted")  # as it was agreed to before
    person.autoopt("recipes", "untrust", "slim")
    assert "not trusted" in person.autoopt("recipes").partition("slim ")[2].partition("\n")[0]
    assert "team: not in" in person.autoopt("recipes", "remove", "team")
    assert lock.read(person.lock) == {}
    assert "no such pack; no lock file names any" in person.autoopt("recipes", "update", "team", code=2)


def test_a_recipe_is_shown_without_what_a_terminal_would_obey(person: Person) -> None:
    text = 'goal: "a\u202eb"\noptions: {n: 1}\noption_help: {n: "x\\e[2J"}\nmetric: {command: "c\u2066"}\n'
    commit(person.here, {".autoopt/recipes/odd.yaml": text})

    assert person.autoopt("recipes", "show", "odd").replace("\n", "").isprintable()
    assert person.autoopt("recipes").replace("\n", "").isprintable()


def test_a_pack_of_ones_own_is_for_every_directory_and_needs_trust_too(
    pack: Path, person: Person, tmp_path: Path
) -> None:
    person.here = tmp_path / "nowhere"
    person.here.mkdir()
    assert "add --user" in person.autoopt("recipes", "add", str(pack), code=2)
    person.autoopt("recipes", "add", f"{pack}@main", "--user")

    listed = person.autoopt("recipes").partition("slim ")[2].partition("\n")[0]
    assert f"[pack app: file://{pack}@main at " in listed and listed.endswith("not trusted")
    assert "has a pack app already" in person.autoopt("recipes", "add", str(pack), "--user", code=2)
    assert not (tmp_path / "mark").exists()


def test_what_is_brought_is_as_it_is_pinned_or_is_brought_again(pack: Path, person: Person) -> None:
    person.autoopt("recipes", "add", str(pack), "name=team")
    (place,) = (person.home / "state/autoopt/packs").glob("team-*")
    as_pinned = content.found(place)
    assert "as it is pinned" in person.autoopt("recipes", "sync")
    (place / "slim.yaml").chmod(0o644)
    (place / "slim.yaml").write_text("goal: another\n")
    (place / "tools" / "more.py").write_text("")
    assert "brought here" in person.autoopt("recipes", "sync")
    assert content.found(place) == as_pinned

    (pin,) = lock.read(person.lock).values()
    odd = lock.Pin(**{**{key: getattr(pin, key) for key in pin.__slots__}, "tree": "0" * 40})
    with pytest.raises(DamagedStateError, match="changed by hand; autoopt recipes update team"):
        fetching.restore(odd, person.environ)


def made_tree(root: Path, entries: str) -> str:
    done = subprocess.run(
        ["git", "mktree"], cwd=root, input=entries, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_pack_that_holds_more_than_plain_files_is_refused(
    pack: Path, person: Person, tmp_path: Path
) -> None:
    control, environ = pack / ".git", person.environ
    (pack / "recipes" / "passwd").symlink_to("/etc/passwd")
    linked = commit(pack, {})
    (pack / "recipes" / "passwd").unlink()
    folded = commit(pack, {"recipes/A.txt": "", "recipes/a.txt": ""})
    git(pack, "rm", "-q", "recipes/a.txt", "recipes/A.txt")
    inside = commit(pack, {"recipes/\u00e9/x.py": "", "recipes/e\u0301/y.py": ""})
    many = commit(pack, {f"many/{number}.yaml": "" for number in range(1001)})

    for sha, folder, said in (
        (linked, None, "'passwd' is a link, and a pack is plain files"),
        (folded, None, "a.txt and A.txt are one file on some systems"),
        (inside, None, "are one file on some systems"),
        (many, "many", "many has more than 1000 files, which a pack has at most"),
    ):
        with pytest.raises(RepositoryError, match=said):
            content.read(control, sha, "pack", folder)
    with pytest.raises(UsageError, match=r"has no recipes .* in none; give folder=PATH"):
        content.read(control, many, "pack", "none")
    bomb = git(pack, "rev-parse", "HEAD:README").strip()
    entry = f"100644 blob {bomb}\tr.yaml\n"
    for _ in range(12):  # a few objects, and ever so many folders
        sha = made_tree(pack, entry)
        entry = "".join(f"040000 tree {sha}\t{name}\n" for name in "abcdefgh")
    top = made_tree(pack, f"{entry}100644 blob {bomb}\tr.yaml\n")
    sha = git(pack, "commit-tree", "-m", "bomb", top).strip()
    with pytest.raises(RepositoryError, match="its top has more than 1000 files"):
        content.read(control, sha, "pack", "")
    for source, said in (
        ("ext://sh -c id", "recipes add: ext:// cannot be fetched"),
        ("https://me:hunter22@h/x", "recipes add: the address holds a password"),
        (str(tmp_path), "no git repository, so there is no commit to pin"),
        (f"{pack}/recipes", "give that one, and folder=recipes"),
        ("nowhere/at-all", "neither an address nor a directory"),
    ):
        with pytest.raises(UsageError, match=said):
            fetching.address(source)
    assert "has no branch, tag or commit 'nix'" in person.autoopt("recipes", "add", f"{pack}@nix", code=3)
    assert not person.lock.exists() and environ["HOME"] == str(person.home)


PIN = lock.Pin(name="team", url="https://h/x", ref="v1", commit="a" * 40, folder="recipes", tree="b" * 40)


def test_the_same_pins_are_the_same_bytes_and_come_back(tmp_path: Path) -> None:
    other = lock.Pin(
        **{**{key: getattr(PIN, key) for key in PIN.__slots__}, "name": "a.b", "url": "file:///ä \\'\""}
    )
    lock.write(tmp_path / "one", [PIN, other])
    lock.write(tmp_path / "two", [other, PIN])

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert lock.read(tmp_path / "one") == {"team": PIN, "a.b": other}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ('[packs."team"]', '<<<<<<< HEAD\n[packs."team"]'),
        ('ref = "v1"\n', ""),
        ('ref = "v1"', "ref = 1"),
        ('ref = "v1"', 'ref = "\\u001b[2J"'),
        ('ref = "v1"', 'ref = "v1"\nhook = "sh"'),
        ("a" * 40, "HEAD"),
        ("b" * 40, "../../../../etc/x"),
        ('"recipes"', '"../../etc"'),
        ('"recipes"', '"/etc"'),
        ('"team"', '"../../x"'),
        ("https://h/x", "-oProxyCommand=id"),
        ('"team"', '"te\\u202eam"'),
        ('ref = "v1"', "ref = " + "[" * 5000),
    ],
)
def test_a_lock_file_that_is_not_as_it_was_written_is_refused_in_a_line(
    old: str, new: str, tmp_path: Path
) -> None:
    path = tmp_path / "packs.lock"
    lock.write(path, [PIN])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(UsageError) as refused:
        lock.read(path)
    assert str(refused.value).startswith(f"{path}: ") and str(refused.value).isprintable()


def test_an_address_of_a_lock_file_is_looked_at_as_if_it_was_typed(person: Person) -> None:
    for url in ("ext://sh -c id", "https://h/x@main", "https://u:p@h/x", "/etc"):
        pin = lock.Pin(**{**{key: getattr(PIN, key) for key in PIN.__slots__}, "url": url})
        with pytest.raises(UsageError):
            fetching.restore(pin, person.environ)


def test_what_a_lock_file_says_of_files_that_are_here_was_seen_to_be_true(person: Person) -> None:
    known = {key: getattr(PIN, key) for key in PIN.__slots__}
    odd = [
        lock.Pin(**{**known, key: value})
        for key, value in {"url": "https://h/y", "commit": "c" * 40, "folder": "", "tree": "d" * 40}.items()
    ]
    assert len({pin.place(person.environ) for pin in (PIN, *odd)}) == 5

    place = person.home / "its.git"
    clones._found(place, Address("https://h/x"))
    with pytest.raises(RepositoryError, match="is the clone of https://h/x; remove that clone"):
        clones._found(place, Address("https://h/y"))
    address = Address("https://h/x")
    there = person.home / "state/autoopt/clones" / address.key / "x.git"
    there.parent.mkdir(parents=True)
    place.rename(there)
    assert clones.is_known(address, person.environ)
    (there / clones.ORIGIN).write_text('{"url": "https://h/y"}')  # of one key, as can be arranged
    assert not clones.is_known(address, person.environ)


def test_a_link_in_a_cloned_repository_leads_nothing_of_ours_elsewhere(pack: Path, person: Person) -> None:
    elsewhere = person.home / "config" / "autoopt"
    elsewhere.mkdir(parents=True)
    (person.here / ".autoopt").symlink_to(elsewhere)
    assert "is a link, so nothing is written there" in person.autoopt("recipes", "add", str(pack), code=2)
    assert "leads out of" in person.autoopt("recipes", "new", "tidy", code=2)
    assert not list(elsewhere.iterdir())


def test_every_file_that_a_script_of_a_pack_may_use_is_agreed_to(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml", "tools/x.py", "tools/data.yaml", "__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    of_a_team = shelves.Shelf(label="AUTOOPT_RECIPES", path=tmp_path)
    of_a_pack = shelves.Shelf(label="pack team", path=tmp_path, origin="https://h/x")

    found = {str(path.relative_to(tmp_path)) for path in foreign.scripts(of_a_team)}
    assert found == {"tools/x.py", "tools/data.yaml"}
    found = {str(path.relative_to(tmp_path)) for path in foreign.scripts(of_a_pack)}
    assert found == {"a.yaml", "b.yaml", "tools/x.py", "tools/data.yaml", "__pycache__/x.pyc"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("${beside:none.py}", "none.py is not there"),
        ("${beside:../out.py}", "the plain name of a file in"),
        ("${beside:/etc/passwd}", "the plain name of a file in"),
        ("${beside:a b}", "the plain name of a file in"),
        ("${beside:${goal}}", "takes the plain name of a file"),
        ("${beside:link.py}", "is a link out of"),
    ],
)
def test_a_file_beside_a_recipe_stays_there(written: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (tmp_path / "out.py").write_text("")
    (folder / "link.py").symlink_to("../out.py")
    (folder / "r.yaml").write_text(f"goal: x\nmetric: {{command: 'run {written}'}}\n")
    recipe = shelves.read(folder / "r.yaml", "r")

    with pytest.raises(UsageError, match=said) as refused:
        beside.put_in(recipe.document, recipe.data, shelves.Shelf(label="AUTOOPT_RECIPES", path=folder))
    assert str(refused.value).startswith(f"{folder}/r.yaml:2: metric.command: ")


def test_a_repositorys_recipe_uses_the_committed_file_and_any_other_the_one_where_it_lies(
    person: Person,
) -> None:
    folder = person.here / ".autoopt" / "recipes"
    text = "goal: x\nmetric: {command: 'run ${beside:sub/its.py}'}\n"
    commit(person.here, {".autoopt/recipes/r.yaml": text, ".autoopt/recipes/sub/its.py": "one"})
    recipe = shelves.read(folder / "r.yaml", "r")

    for label, path in (("repository", ".autoopt/recipes/sub/its.py"), ("user", f"{folder}/sub/its.py")):
        found = beside.put_in(recipe.document, recipe.data, shelves.Shelf(label=label, path=folder))
        assert found["metric"]["command"] == f"run {path}"
    assert "sub/its.py" in person.autoopt("recipes", "trust", "r", "--yes")
    commit(person.here, {".autoopt/recipes/sub/other.py": "which that one may import"})
    assert "sub/other.py changed" in person.autoopt("recipes", "trust", "r", code=7)
    person.autoopt("recipes", "trust", "r", "--yes")
    (folder / "sub" / "other.py").write_text("of which the commit knows nothing")
    assert "sub/other.py changed" in person.autoopt("recipes", "trust", "r", code=7)
    assert "is no address" not in person.autoopt("recipes", "show", "r")


def test_a_new_recipe_passes_its_own_test_and_runs_and_overwrites_nothing(
    person: Person, tmp_path: Path
) -> None:
    said = person.autoopt("recipes", "new", "tidy")
    assert "wrote " in said and Store(person.environ).path.exists()  # whoever had it written trusts it
    assert person.autoopt("recipes", "check").endswith("recipes: no problems\n")
    assert " trusted" in person.autoopt("recipes").partition("tidy ")[2].partition("\n")[0]
    assert "is there already, and nothing was written" in person.autoopt("recipes", "new", "tidy", code=2)
    assert "autoopt has a recipe of that name" in person.autoopt("recipes", "new", "command", code=2)
    bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # which only makes it quicker
    some = "begins_with or script"  # all rules were checked just now, in the same example
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", some, ".autoopt/tests")
    done = subprocess.run(
        [sys.executable, *words], cwd=person.here, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout

    commit(person.here, {})
    values = "params.x={file: src/a.py, python: x, choices: [1, 2]}"
    quick = (
        "budget.experiments=1",
        "final.max_pairs=2",
        "metric.baseline_samples=2",
        "metric.probe=no",
        "turns=no",
        "final.leave_one_out=no",
    )
    assert "1 lines" in person.autoopt("recipe=tidy", "scope=src", values, *quick, "confirm=no")


BROKEN = [  # a recipe that cannot be read is told of that only; rules are broken one beside the other
    {"goal: fewer lines of code": ("gaol: x", "tidy.yaml:10: gaol: no such option; did you mean goal?")},
    {"${beside:tidy.py}": ("${beside:nix.py}", "tidy.yaml:21: metric.command: ${beside:nix.py}: ")},
    {
        "${quote:${options.suffix}}": (
            "${options.suffix}",
            "metric.command: ${options.suffix}: write ${quote:",
        ),
        "  direction: lower\n": ("", "metric.direction is not written out"),
        "  suffix: How": ("  suffx: How", "option_help: one line for each"),
        "scope=src agent=claude\n": ("scope=src options.nix=1\n", "options.nix: no such option"),
    },
]


def test_each_thing_that_is_wrong_with_a_pack_is_one_line_where_it_is(person: Person, tmp_path: Path) -> None:
    person.here = tmp_path / "pack"
    for path, text in scaffold.files("tidy").items():
        (person.here / path).parent.mkdir(parents=True, exist_ok=True)
        (person.here / path).write_text(text)
    recipe = person.here / "recipes" / "tidy.yaml"
    good = recipe.read_text()
    for breakages in BROKEN:
        text = good
        for old, (new, _) in breakages.items():
            assert old in text
            text = text.replace(old, new)
        recipe.write_text(text)
        *told, last = person.autoopt("recipes", "check", code=2).splitlines()
        for _, said in breakages.values():
            assert any(one.startswith("recipes/tidy.yaml:") and said in one for one in told), (said, told)
        assert f": {len(told)} problem" in last and len(told) >= len(breakages)

    recipe.write_text("goal: [\n")
    (person.here / "recipes" / "link").symlink_to("/etc")
    points = '[project.entry-points."autoopt.recipes"]\ngood = "recipes"\nbad = "pack:nothing"\n'
    (person.here / "pyproject.toml").write_text(points)
    person.environ["GITHUB_ACTIONS"] = "true"
    *told, last = person.autoopt("recipes", "check", str(person.here), code=2).splitlines()
    assert [one.split("::")[1] for one in told] == [
        "error file=recipes/link,line=1",
        "error file=pyproject.toml,line=3",
        "error file=recipes/tidy.yaml,line=2",
    ]
    assert "3 problems" in last
    assert "give folder=PATH" in person.autoopt("recipes", "check", str(tmp_path / "none"), code=2)


def test_a_pack_that_is_a_package_is_built_installed_and_used_unchanged(
    person: Person, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    points = '[project.entry-points."autoopt.recipes"]\nteam = "team_recipes"\n'
    texts = {
        "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "team-recipes"\nversion = "1"\n{points}',
        "team_recipes/__init__.py": "raise RuntimeError('imported')\n",
        "team_recipes/slim.yaml": RECIPE,
        "team_recipes/tools/slim.py": SCRIPT,
        "team_recipes/more/other.yaml": "goal: x\n",
    }
    for path, text in texts.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=project, check=True, stdout=subprocess.DEVNULL
    )
    (wheel,) = tmp_path.glob("*.whl")
    odd = tmp_path / "site" / "odd-1.dist-info"
    odd.mkdir(parents=True)
    (odd / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (odd / "entry_points.txt").write_text(
        "[autoopt.recipes]\n\x1b[2Jx = team_recipes.more\na = :x\nb = ..x\nc = __main__\nd = none.here\n"
    )
    with zipfile.ZipFile(wheel) as packed:  # all that an installer does with one of Python alone
        packed.extractall(tmp_path / "site")

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path / "site"))
        said = person.autoopt("recipes")
        assert "2Jx" in said and said.replace("\n", "").isprintable()
        listed = said.partition("slim ")[2].partition("\n")[0]
        assert "[pack team: " in listed and listed.endswith(" not trusted")
        patch.setattr(sys, "prefix", str(tmp_path))  # packages lie where programs of the machine do
        said = person.autoopt("recipes", "trust", "slim", "--yes")
        assert "pack team: slim.yaml, pack team: tools/slim.py\n" in said
        composed = person.autoopt("--cfg", "job", "recipe=slim", "scope=src")
        assert f"{tmp_path}/site/team_recipes/tools/slim.py" in composed
