"""What commands and agents of a run can write: their own directories, and nothing that judges them."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from support.workspace_repos import make_repository, open_workspace, propose, state_of

from autoopt.agents.agent import Agent, Reply
from autoopt.processes import run_together, sandbox
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.surroundings import Surroundings
from autoopt.processes.walls import Kind, Mechanism, Walls
from autoopt.records import Call
from autoopt.schema import AgentConfig, AgentHome, MetricConfig, Sandbox
from autoopt.workspaces import GitWorkspace

NONE = Mechanism(kind=Kind.NONE)


@pytest.fixture(scope="session")
def mechanism(tmp_path_factory: pytest.TempPathFactory) -> Mechanism:
    found = sandbox.choose(Sandbox.auto, tmp_path_factory.mktemp("state"), os.environ)
    if not found.holds:
        pytest.skip("no sandbox works on this machine")
    return found


def arms_of(root: Path, workspace: GitWorkspace, mechanism: Mechanism, **config: Any) -> Arms:
    metric, state = MetricConfig(command="true", **config), state_of(root)
    surroundings = Surroundings(
        metric, os.environ, "r1", compiled=state / "compiled", walls=Walls(mechanism=mechanism)
    )
    return Arms(metric.prepare, workspace, state / "logs", surroundings)


def ran(arms: Arms, commit: str, command: str, *, measured: bool = True) -> str:
    arm = arms.ready(commit)
    assert isinstance(arm, Arm), arm
    done = run_together([arms.order(arm, command, "x", 60.0, measured=measured)])[0]
    assert done.code == 0, done.stderr.read_text()
    return done.stdout.read_text()


def written(*places: Path | str) -> str:
    """A command that prints which of the places it could write."""
    names = [place if isinstance(place, str) else shlex.quote(str(place)) for place in places]
    tries = (f"{{ mkdir -p {name} && echo x >{name}/escaped; }} 2>/dev/null && echo {name}" for name in names)
    return "\n".join((*tries, "true"))


def test_a_command_of_one_commit_writes_nothing_that_the_others_or_the_judge_use(
    tmp_path: Path, mechanism: Mechanism
) -> None:
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    arms = arms_of(root, workspace, mechanism)
    with workspace.attempt(propose(), 1) as attempt:
        other = workspace.checkout(workspace.base)
        mine = workspace.checkout(attempt.change.commit)
        others = (other, other.parent / "home" / "kept", root, root / ".git", workspace.desk, state_of(root))
        compiled, own = state_of(root) / "compiled", mine.parent / "home"
        arms.ready(attempt.change.commit)
        ran(arms, attempt.change.commit, "true", measured=False)
        command = written(*others, compiled, own, Path.home(), Path(sys.prefix))
        assert ran(arms, attempt.change.commit, command) == ""

        places = (".", "$HOME", "$TMPDIR", "$AUTOOPT_SCRATCH")
        found = ran(arms, attempt.change.commit, written(*places))
        assert len(found.splitlines()) == len(places)
        left = ran(arms, attempt.change.commit, "ls $HOME $TMPDIR $AUTOOPT_SCRATCH; ls escaped || true")
        assert "escaped" not in left, "each command finds what the first one found"


def test_what_is_written_to_tmp_is_private_and_gone_with_the_command(
    tmp_path: Path, mechanism: Mechanism
) -> None:
    if mechanism.name != "bubblewrap":
        pytest.skip("only bubblewrap has a /tmp of its own")
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    arms = arms_of(root, workspace, mechanism)
    name = f"/tmp/autoopt-test-{os.getpid()}"

    assert ran(arms, workspace.base, f"echo x >{name}; cat {name}") == "x\n"
    assert not Path(name).exists()
    assert ran(arms, workspace.base, f"ls {name} || echo gone") == "gone\n"


POISON = """
import importlib.util, marshal, os, pathlib, sys
source = pathlib.Path("helper.py")
target = importlib.util.cache_from_source(str(source.resolve()))
code = marshal.dumps(compile("VALUE = 'poisoned'", str(source), "exec"))
status = source.stat()
words = (0, int(status.st_mtime), status.st_size)
header = importlib.util.MAGIC_NUMBER + b"".join(word.to_bytes(4, "little") for word in words)
try:
    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(target).unlink(missing_ok=True)
    pathlib.Path(target).write_bytes(header + code)
    pathlib.Path(target).with_name("other.bin").write_bytes(b"a cache")
except OSError:
    pass
"""
HELPER = {"src/a.py": "", "helper.py": "VALUE = 'honest'\n", "poison.py": POISON}
SHOW = f"{shlex.quote(sys.executable)} -c 'import helper; print(helper.VALUE)'"


@pytest.mark.parametrize("walled", [True, False])
def test_a_compiled_file_says_what_its_source_says_whoever_wrote_it(
    tmp_path: Path, mechanism: Mechanism, walled: bool
) -> None:
    root = make_repository(tmp_path, HELPER)
    workspace = open_workspace(root)
    arms = arms_of(root, workspace, mechanism if walled else NONE)
    poison = f"{shlex.quote(sys.executable)} poison.py"

    assert ran(arms, workspace.base, f"{SHOW}; {poison}; {SHOW}", measured=False) == "honest\npoisoned\n"
    assert ran(arms, workspace.base, SHOW) == "honest\n"
    again = ran(arms, workspace.base, f"{poison}; {SHOW}")
    assert again == ("honest\n" if walled else "poisoned\n"), "measured runs cannot write it"
    assert ran(arms, workspace.base, SHOW) == "honest\n"
    assert not list((state_of(root) / "compiled").rglob("other.bin"))
    tree = workspace.checkout(workspace.base)
    held = list((state_of(root) / "compiled").rglob("helper*.pyc"))
    assert [path.parent for path in held] == [Path(f"{state_of(root)}/compiled{tree}")]


def test_another_python_finds_compiled_files_of_its_own(tmp_path: Path) -> None:
    names = [f"python3.{minor}" for minor in range(8, 15) if minor != sys.version_info.minor]
    found = next((path for name in names if (path := shutil.which(name)) and is_program(path)), None)
    if found is None:
        pytest.skip("there is no other Python on the PATH")
    root = make_repository(tmp_path, HELPER)
    workspace = open_workspace(root)
    arms = arms_of(root, workspace, NONE)
    command = f"{found} -c 'import helper; print(helper.__cached__)'"
    cached = ran(arms, workspace.base, command, measured=False).strip()
    before = Path(cached).stat().st_ino

    assert ran(arms, workspace.base, f"{command}; ls -i {cached}").split()[1] != str(before)
    loaded = f"{found} -v -c 'import helper' 2>&1 | grep -c 'code object from.*helper'"
    assert ran(arms, workspace.base, loaded) == "1\n"


def is_program(python: str) -> bool:
    """Whether it is one itself, and no script that looks for one."""
    with Path(python).open("rb") as file:
        return file.read(4) == b"\x7fELF"


class Purse:
    def allow(self, number: int, stage: str) -> float | None:
        return None

    def asked(self, number: int, stage: str) -> None:
        """Not counted here."""

    def spent(self, call: Call) -> None:
        """Not counted here."""


def test_an_agent_writes_its_desk_when_it_edits_and_sees_nothing_of_the_run(
    tmp_path: Path, mechanism: Mechanism
) -> None:
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    state, home = state_of(root), tmp_path / "me"
    home.mkdir()
    (state / "journal.jsonl").write_text("secret")
    places = (workspace.desk, root, root / ".git", state, home, "$TMPDIR", home / ".fake", home / ".none")
    script = tmp_path / "agent.sh"
    script.write_text(f"""
cat "$1" >/dev/null || exit 1
cat {state}/journal.jsonl
{{ echo x >{shlex.quote(str(workspace.desk))}/.git; }} 2>/dev/null && echo .git
{written(*places)}
echo done >"$2"
""")
    command = f"bash {shlex.quote(str(script))} {{prompt_file}} {{answer_file}}"
    config = AgentConfig(
        name="fake", command=command, home=AgentHome.real, keeps=["~/.fake/", "$UNSET/x", "~/.missing"]
    )
    seen = (workspace.desk / ".git", workspace.desk, root / ".git")
    walls = Walls(mechanism=mechanism, hidden=(state,), read_only=seen)
    environ = {**os.environ, "HOME": str(home)}
    agent = Agent(config, state / "prompts", state / "logs" / "agent", environ, Purse(), walls=walls)

    def ask(edits: bool) -> list[str]:
        reply = agent.call("a prompt", stage="edit", number=1, cwd=workspace.desk, edits=edits)
        assert isinstance(reply, Reply), reply
        assert reply.text == "done"
        log = max((state / "logs" / "agent").glob("*/stdout"))
        return [Path(line).name for line in log.read_text().splitlines()]

    reading, editing = ask(edits=False), ask(edits=True)
    assert reading == ["home", ".fake"], "its own directories; the first is TMPDIR"
    spoilt = [".git"] if mechanism.kind is Kind.LANDLOCK else []  # which knows no exceptions in a directory
    assert editing == [*spoilt, workspace.desk.name, *reading]
    assert (root / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
