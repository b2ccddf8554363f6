"""What holds for a command behind walls, by each means this machine has, also for a user without rights."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autoopt.agents.agent import Agent
from autoopt.errors import DamagedStateError, ResourceError
from autoopt.processes import Completed, Order, complaint, run_together
from autoopt.processes.sandbox import (
    choose,
    credentials,
    doors,
    homes,
    landlock,
    probing,
    seatbelt,
    told,
    warning,
)
from autoopt.processes.walls import Kind, Mechanism, Walls
from autoopt.records import Call
from autoopt.schema import AgentConfig, Sandbox
from autoopt.secrets.sources import credential_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and landlock are Linux's")
PROGRAM = shutil.which("bwrap") or ""
PATH = os.environ["PATH"]


@functools.cache
def works(kind: Kind) -> bool:
    if kind is Kind.LANDLOCK:
        return sys.platform == "linux" and landlock.version() > 0
    return bool(PROGRAM) and not probing._fault(Mechanism(kind=kind, program=PROGRAM), network=True)


def mechanism(kind: Kind) -> Mechanism:
    if not works(kind):
        pytest.skip(f"{kind} does not work here")
    return Mechanism(kind=kind, program="" if kind is Kind.LANDLOCK else PROGRAM)


LADDER = (Kind.BUBBLEWRAP, Kind.BUBBLEWRAP_HOST_PROC, Kind.BUBBLEWRAP_HOST_PIDS, Kind.LANDLOCK)
every_means = pytest.mark.parametrize("kind", LADDER)


class Place:
    """Directories of a command: `in` is writable, `out` is not, `hidden` and `token` cannot be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("in/kept", "out", "hidden/open", "tmp"):
            (root / name).mkdir(parents=True)
        (root / "hidden" / "key").write_text("SECRET")
        (root / "token").write_text("SECRET")
        (root / "in" / "kept" / "file").write_text("kept")

    def walls(self, kind: Kind, **more: object) -> Walls:
        given: dict[str, object] = {
            "mechanism": mechanism(kind),
            "writable": (self.root / "in", self.root / "hidden" / "open", self.root / "missing"),
            "hidden": (self.root / "hidden", self.root / "token", self.root / "missing too"),
            "read_only": (self.root / "in" / "kept",),
            "tmp": self.root / "tmp",
        }
        return Walls(**{**given, **more})  # type: ignore[arg-type]

    def order(self, command: str, walls: Walls, name: str = "logs", timeout_s: float = 20) -> Order:
        return Order(
            command=command,
            cwd=self.root / "in",
            env={"PATH": PATH},
            timeout_s=timeout_s,
            logs=self.root / name,
            walls=walls,
        )

    def go(self, command: str, walls: Walls, timeout_s: float = 20) -> Completed:
        return run_together([self.order(command, walls, timeout_s=timeout_s)])[0]

    def says(self, command: str, walls: Walls) -> str:
        return self.go(command, walls).stdout.read_text()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@linux
@every_means
def test_a_command_writes_where_it_may_and_nowhere_else(place: Place, kind: Kind) -> None:
    (place.root / "out" / "file").write_text("mine")
    (place.root / "out" / "folder").mkdir()
    attempts = """
        echo new > new
        mkdir -p a/b && mv new a/b/moved && ln -s a/b/moved link
        echo deep > ../hidden/open/file
        cd ../out
        echo x > file; echo x > new; truncate -s 0 file; rm file; rmdir folder; mkdir more; ln -s file link
        mv file folder/; ln ../in/a/b/moved hard; mkfifo pipe
        echo x >> ../hidden/new
        echo x > /usr/local/autoopt-was-here
    """
    place.go(attempts, place.walls(kind))

    assert (place.root / "in" / "link").read_text() == "new\n"
    assert (place.root / "hidden" / "open" / "file").read_text() == "deep\n"
    assert sorted(path.name for path in (place.root / "out").rglob("*")) == ["file", "folder"]
    assert (place.root / "out" / "file").read_text() == "mine"
    assert not (place.root / "hidden" / "new").exists()
    assert not Path("/usr/local/autoopt-was-here").exists()


@linux
@every_means
def test_what_is_hidden_cannot_be_read_and_what_lies_around_it_can(place: Place, kind: Kind) -> None:
    (place.root / "out" / "beside").write_text("beside")
    seen = place.says(
        f"cat ../hidden/key ../token {place.root}/hidden/key ../out/beside /proc/self/comm; true",
        place.walls(kind),
    )

    assert "SECRET" not in seen
    assert seen.startswith("beside")
    assert seen.endswith("cat\n")


@linux
@pytest.mark.parametrize("kind", LADDER[:3])
def test_what_is_read_only_stays_so_inside_what_is_writable(place: Place, kind: Kind) -> None:
    done = place.go("cat kept/file && echo x > kept/file", place.walls(kind))

    assert "writable=[DIRECTORY] lets it write elsewhere" in str(complaint(done))
    assert done.stdout.read_text() == "kept"
    (place.root / "in" / "kept" / "base").touch()
    statement = "import sqlite3; sqlite3.connect('kept/base').execute('create table t (x)')"
    done = place.go(f'{sys.executable} -c "{statement}"', place.walls(kind))
    assert "writable=[DIRECTORY] lets it write elsewhere" in str(complaint(done)), done.stderr.read_text()
    assert (place.root / "in" / "kept" / "file").read_text() == "kept"


@linux
@pytest.mark.parametrize("kind", LADDER[:3])
def test_tmp_is_the_commands_own_with_what_was_there_in_sight(place: Place, kind: Kind) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as there:
        Path(there, "file").write_text("there")
        os.mkfifo(Path(there, "pipe"))
        command = (
            f"cat {there}/file; echo new > /tmp/autoopt-new; cat /tmp/autoopt-new; echo x > {there}/other"
        )
        first = place.says(command, place.walls(kind))
        again = place.says(f"cat /tmp/autoopt-new {there}/file; ls /dev/shm", place.walls(kind))
        left = sorted(path.name for path in Path(there).iterdir())

    assert first == "therenew\n"
    assert again == "there"
    assert left == ["file", "pipe"]
    assert not Path("/tmp/autoopt-new").exists()


@linux
def test_what_was_done_to_the_way_to_something_in_tmp_is_undone_for_the_next_command(place: Place) -> None:
    walls = place.walls(LADDER[0])
    with tempfile.TemporaryDirectory(dir="/tmp") as there:
        looks = f"readlink {there}; stat -c %Y {there}"
        for _ in range(2):
            first = place.says(looks, walls)
            time.sleep(0.06)  # longer than it takes until a link is believed without being read
        seen = []
        for deed in ("true", f"touch -h -d @1 {there}", f"ln -sfn /elsewhere {there}", f"rm {there}"):
            place.says(deed, walls)
            seen.append(place.says(looks, walls).splitlines())

    assert seen[0] == first.splitlines() == [f"/dev{there}", seen[0][1]]
    assert [target for target, _ in seen] == [f"/dev{there}"] * 4
    assert "1" not in [stamp for _, stamp in seen]


@linux
@pytest.mark.parametrize("kind", LADDER[:3])
def test_nothing_hidden_below_tmp_shows_by_another_way(kind: Kind) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as there:
        place = Place(Path(there) / "run")
        seen = place.says(
            f"cd /dev/tmp/{Path(there).name}/run && cat hidden/key token; ls out hidden; echo done",
            place.walls(kind),
        )

    assert seen == "hidden:\n\nout:\ndone\n"


@linux
@every_means
def test_exit_code_output_clocks_and_leftovers_are_as_without_walls(place: Place, kind: Kind) -> None:
    walls = place.walls(kind)
    plain = place.go("echo out; echo err >&2; exit 3", walls)
    killed = place.go("kill -9 $$", walls)
    daemon = place.go("setsid sleep 60 & nohup sleep 60 > /dev/null & echo bye", walls)
    late = place.says("exec > >(sleep 0.05; cat); echo late", walls)
    busy = place.go(f"{sys.executable} -c 'b = bytes(60 << 20); [i for i in range(3000000)]'", walls)

    assert (plain.code, plain.leftovers) == (3, 0)
    assert killed.code in (-9, 137)
    assert (daemon.code, daemon.leftovers) == (0, 2)
    assert late == "late\n"
    assert busy.peak_bytes > 60 << 20
    assert 0.02 < busy.cpu_s < busy.wall_s + 0.1


@linux
@every_means
def test_the_processor_time_of_orphans_counts(place: Place, kind: Kind) -> None:
    burn = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.3: pass'"
    done = place.go(
        f'(setsid sh -c "{burn}; touch over" &); while [ ! -e over ]; do sleep 0.02; done', place.walls(kind)
    )

    assert done.cpu_s > 0.28


@linux
@pytest.mark.parametrize("kind", (Kind.BUBBLEWRAP, Kind.LANDLOCK))
def test_a_command_that_takes_too_long_is_told_to_end_and_then_ended(place: Place, kind: Kind) -> None:
    walls = place.walls(kind)
    began = time.monotonic()
    told_so = place.go("trap 'echo bye; exit 3' TERM; while :; do sleep 0.02; done", walls, timeout_s=0.3)
    said = told_so.stdout.read_text()
    deaf = place.go(
        "trap '' TERM; setsid sleep 60 & sleep 60 & while :; do sleep 0.1; done", walls, timeout_s=0.3
    )

    assert (told_so.code, told_so.timed_out, said) == (3, True, "bye\n")
    assert told_so.leftovers <= 1  # the `sleep` of that moment
    assert deaf.timed_out
    assert time.monotonic() - began < 10


@linux
@every_means
def test_two_commands_start_together_behind_walls(place: Place, kind: Kind) -> None:
    walls = place.walls(kind, tmp=None)
    orders = [place.order("date +%s%N", walls, name) for name in ("one", "two")]
    one, two = (int(done.stdout.read_text()) for done in run_together(orders))

    assert abs(one - two) < 1e9


@linux
@every_means
def test_nobody_inside_can_signal_or_trace_who_is_outside(place: Place, kind: Kind) -> None:
    if kind is Kind.BUBBLEWRAP_HOST_PIDS or (kind is Kind.LANDLOCK and landlock.version() < 6):
        pytest.skip("this means does not keep signals in")
    outside = subprocess.Popen(["sleep", "60"])
    try:
        seen = place.says(
            f"kill -9 {outside.pid} && echo killed; cat /proc/{os.getppid()}/environ | grep -c =; echo done",
            place.walls(kind, hidden=()),
        )
        alive = outside.poll() is None
    finally:
        outside.kill()
        outside.wait()

    assert "killed" not in seen
    assert alive


@linux
@every_means
def test_without_a_network_nothing_on_this_machine_answers(place: Place, kind: Kind) -> None:
    if kind is Kind.LANDLOCK and landlock.version() < 4:
        pytest.skip("this kernel's landlock knows no network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached; true"
        closed = place.says(command, place.walls(kind, network=False))
        opened = place.says(command, place.walls(kind))

    assert (closed, opened) == ("", "reached\n")


@linux
def test_nobody_starts_programs_outside_by_a_terminal_multiplexers_socket() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="tmux-", dir="/tmp") as room,
        socket.socket(socket.AF_UNIX) as door,
    ):
        door.bind(f"{room}/default")
        door.listen()
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({room + '/default'!r}); print('in')"
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            walls = place.walls(Kind.BUBBLEWRAP, hidden=())
            seen = [
                place.says(f'{sys.executable} -c "{script}" 2>/dev/null', replace(walls, hidden=hidden))
                for hidden in ((), doors({}), credentials({}))
            ]

    assert seen == ["in\n", "", ""]


@linux
@every_means
def test_the_kernels_keyring_keeps_nothing_for_the_next_command(place: Place, kind: Kind) -> None:
    calls = {"x86_64": 248, "aarch64": 217}
    number = calls.get(os.uname().machine)
    if number is None:
        pytest.skip("calls are not filtered on this machine")
    script = f"import ctypes; print(ctypes.CDLL(None).syscall({number}, b'user', b'autoopt', b'x', 1, -4))"
    seen = place.says(f'{sys.executable} -c "{script}"', place.walls(kind))

    assert seen == "-1\n"


_MARKS = """
import contextlib, fcntl, os, sys
flags, typed, number = 0x40086602, 0x5412, os.open("file", os.O_RDWR | os.O_CREAT)
for name, attempt in {
    "flags": lambda: fcntl.ioctl(number, flags, bytes(8)),
    "typed": lambda: fcntl.ioctl(os.openpty()[1], typed, b"x"),
    "outside": lambda: os.setxattr("../out/seen", "user.x", b"1"),
}.items():
    with contextlib.suppress(OSError):
        attempt()
        print(name)
fcntl.flock(number, fcntl.LOCK_EX)
os.get_terminal_size(os.openpty()[1])
print("else")
"""


@linux
@every_means
def test_no_mark_is_left_on_files_and_nothing_is_typed_for_the_user(place: Place, kind: Kind) -> None:
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("calls are not filtered on this machine")
    (place.root / "out" / "seen").write_text("")
    (place.root / "marks.py").write_text(_MARKS)
    before = place.go(f"{sys.executable} ../marks.py", Walls(mechanism=Mechanism(kind=Kind.NONE)))
    assert "typed" in before.stdout.read_text() or os.geteuid() != 0

    assert place.says(f"{sys.executable} ../marks.py", place.walls(kind)) == "else\n"


@linux
@every_means
def test_root_cannot_undo_the_walls_from_inside(place: Place, kind: Kind) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user has no rights to give up")
    attempts = "mount -o remount,rw / ; mount -t tmpfs x /mnt; umount /dev/shm; mknod disk b 8 0; "
    done = place.go(f"{attempts} unshare -Urm mount -o remount,rw /; touch ../out/new", place.walls(kind))

    assert done.code != 0
    assert not list((place.root / "out").iterdir())
    assert kind is Kind.LANDLOCK or not (place.root / "in" / "disk").exists()
    switches = "/proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger"
    opened = place.says(
        f"for it in {switches}; do (: >> $it) 2>/dev/null && echo $it; done", place.walls(kind)
    )
    assert opened == ""


@linux
def test_walls_that_cannot_be_put_up_are_no_result_of_the_command(place: Place) -> None:
    program = place.root / "bwrap"
    program.write_text("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2; exit 1\n")
    program.chmod(0o755)
    walls = Walls(mechanism=Mechanism(kind=Kind.BUBBLEWRAP, program=str(program)))

    with pytest.raises(ResourceError, match="sandbox could not be put up: bwrap: No permissions"):
        place.go("echo never", walls)


def test_without_a_means_the_run_stops_when_its_records_or_gits_settings_were_changed(place: Place) -> None:
    hooks = place.root / "hooks"
    hooks.mkdir()
    journal = place.root / "journal"
    journal.write_text("line\n")
    walls = Walls(mechanism=Mechanism(kind=Kind.NONE), watched=(hooks, journal, place.root / "config"))

    assert place.go("echo fine > out", walls).code == 0
    for attempt in ("echo x >> ../journal", "touch ../hooks/post-commit", "echo x > ../config"):
        with pytest.raises(DamagedStateError, match="changed while a command ran"):
            place.go(attempt, walls)


class Free:
    """A ledger without limits."""

    def allow(self, number: int, stage: str) -> float | None:
        return None

    def asked(self, number: int, stage: str) -> None:
        pass

    def spent(self, call: Call) -> None:
        pass


@every_means
def test_an_agent_that_edits_where_only_ideas_are_wanted_is_told_so(place: Place, kind: Kind) -> None:
    desk, environ = place.root / "in" / "kept", {"PATH": PATH, "HOME": str(place.root)}
    walls = place.walls(kind, writable=())
    config = AgentConfig(name="fake", command="cat; echo x > edited")
    agent = Agent(config, place.root / "prompts", place.root / "logs", environ, Free(), walls=walls)

    asked = agent.call("Ideas!", stage="think", number=1, cwd=desk, edits=False)

    assert "it was asked for an answer only, and may not edit files now" in str(asked)
    assert "writable" not in str(asked)


@every_means
def test_a_command_that_was_kept_from_writing_is_told_how_to_go_on(place: Place, kind: Kind) -> None:
    done = place.go("echo x > ../out/file", place.walls(kind))

    assert "writable=[DIRECTORY] lets it write elsewhere" in str(complaint(done))
    assert "writable" not in str(complaint(replace(done, kind=Kind.NONE)))


@linux
def test_the_best_means_that_works_is_found_by_trying_and_remembered(tmp_path: Path) -> None:
    environ = {"PATH": PATH}
    found = choose(Sandbox.auto, tmp_path, environ)
    body = json.loads((tmp_path / "sandbox.json").read_text())
    began = time.perf_counter()
    again = choose(Sandbox.auto, tmp_path, environ)

    assert found == again
    assert time.perf_counter() - began < 0.1
    assert body["network"]["kind"] == found.kind
    assert choose(Sandbox.none, tmp_path, environ).kind is Kind.NONE
    if PROGRAM and works(Kind.BUBBLEWRAP):
        assert found.kind is Kind.BUBBLEWRAP


def test_what_was_remembered_of_other_circumstances_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text('{"network": {"circumstances": {"uid": -1}, "kind": "none"}}')
    other = choose(Sandbox.auto, tmp_path, {"PATH": PATH})
    (tmp_path / "sandbox.json").write_text("no JSON")

    assert choose(Sandbox.auto, tmp_path, {"PATH": PATH}) == other


@linux
def test_a_program_that_only_pretends_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bwrap").write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    (folder / "bwrap").chmod(0o755)
    found = choose(Sandbox.auto, tmp_path, {"PATH": str(folder)})

    assert found.kind in (Kind.LANDLOCK, Kind.NONE)
    assert "bubblewrap does not work here" in found.why
    with pytest.raises(
        ResourceError, match="sandbox=strict needs bubblewrap, and bubblewrap does not work here"
    ):
        choose(Sandbox.strict, tmp_path, {"PATH": str(folder)})
    with pytest.raises(ResourceError, match="bubblewrap is not installed") as caught:
        choose(Sandbox.strict, tmp_path, {"PATH": "/nowhere"})
    assert caught.value.exit_code == 4


def test_what_is_told_says_what_can_be_written_read_and_reached_and_never_safe() -> None:
    means = [Mechanism(kind=kind, why="a reason") for kind in Kind]
    said = [told(wanted, one) for one in means for wanted in (Sandbox.auto, Sandbox.strict)]

    assert all(line.startswith(("auto -> ", "strict -> ")) for line in said)
    assert told(Sandbox.none, means[-1]).startswith("none. autoopt will notice")
    assert not any("safe" in line or "secure" in line for line in said)
    assert "auto -> landlock (a reason). Same write limits, but" in told(Sandbox.auto, means[3])
    assert "have no network" in told(Sandbox.strict, means[0])
    assert "private directories and what writable names; they" in told(Sandbox.auto, means[0], more=True)
    assert warning(Sandbox.auto, means[-1]).startswith("no sandbox works here (a reason).")
    assert warning(Sandbox.none, means[-1]) == warning(Sandbox.auto, means[0]) == ""


def test_credential_files_are_hidden_but_not_what_finds_a_database(tmp_path: Path) -> None:
    found = credentials({"HOME": str(tmp_path), "SSH_AUTH_SOCK": "/tmp/ssh-x/agent.1"})

    assert {tmp_path / name for name in (".ssh", ".netrc", ".aws", ".config/gh", ".npmrc", ".pypirc")} <= set(
        found
    )
    assert Path("/tmp/ssh-x/agent.1") in found
    shown = {one for one in credential_files(tmp_path) if not {one, *one.parents} & set(found)}
    assert {one.relative_to(tmp_path).as_posix() for one in shown} == {
        *(".pgpass", ".my.cnf", ".databrickscfg", ".snowsql/config"),
        *(".huggingface/token", ".cache/huggingface/token"),
    }


def test_of_a_hidden_home_tools_stay_readable_as_a_whole_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in (
        ".pyenv/bin",
        ".pyenv/lib",
        ".local/bin",
        ".local/share/uv/x/bin",
        "project/.venv",
        "diary",
    ):
        (home / name).mkdir(parents=True)
    (home / ".local/share/uv/x/bin/tool").write_text("")
    (home / ".local/bin/tool").symlink_to(home / ".local/share/uv/x/bin/tool")
    path = f"{home}/.pyenv/bin:{home}/.local/bin:/usr/bin"
    found = homes({"HOME": str(home), "PATH": path}, [home / "project", Path("/usr/lib")])

    assert found == tuple(
        sorted(home / name for name in (".pyenv", ".local/bin", ".local/share/uv/x", "project"))
    )


def test_the_profile_for_macos_ends_with_the_innermost_place(tmp_path: Path) -> None:
    for name in ("state/bench", 'odd "name"'):
        (tmp_path / name).mkdir(parents=True)
    walls = Walls(
        mechanism=Mechanism(kind=Kind.SANDBOX_EXEC, program="/usr/bin/sandbox-exec"),
        writable=(tmp_path / "state" / "bench", tmp_path / 'odd "name"'),
        hidden=(tmp_path / "state",),
        network=False,
    )
    root = os.path.realpath(tmp_path)
    lines = seatbelt.profile(walls).splitlines()

    assert lines[:3] == ["(version 1)", "(allow default)", "(deny file-write*)"]
    shut = lines.index(f'(deny file-read* file-write* (subpath "{root}/state"))')
    assert lines.index(f'(allow file-read* file-write* (subpath "{root}/state/bench"))') > shut
    assert f'(allow file-read* file-write* (subpath "{root}/odd \\"name\\""))' in lines
    assert lines[-1] == "(deny network*) (allow network* (remote unix-socket))"


_AS_NOBODY = """
import json, os, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from autoopt.processes import run
from autoopt.processes.sandbox import choose, landlock
from autoopt.processes.walls import Kind, Mechanism, Walls
from autoopt.schema import Sandbox
root, found = Path.cwd(), {}
means = [choose(Sandbox.auto, root, os.environ)]
means += [Mechanism(kind=Kind.LANDLOCK)] if landlock.version() else []
for one in means:
    walls = Walls(mechanism=one, writable=(root / "in",), hidden=(root / "hidden",), tmp=root / "tmp")
    tried = "echo x > file; echo x > ../out/file; cat ../hidden/key; chmod 700 ../out; ls ..; true"
    env = {"PATH": os.environ["PATH"]}
    done = run(tried, cwd=root / "in", env=env, timeout_s=9, logs=root / "logs", walls=walls)
    found[one.kind] = [os.listdir("in"), os.listdir("out"), done.stdout.read_text().split()]
    os.unlink("in/file")
print(json.dumps(found))
"""


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_walls_hold_for_a_user_without_rights() -> None:
    import sh

    with tempfile.TemporaryDirectory(dir="/var/tmp") as root:
        for name in ("", "in", "out", "hidden", "tmp", "logs"):
            Path(root, name).mkdir(exist_ok=True)
            os.chown(Path(root, name), 65534, 65534)
        Path(root, "hidden", "key").write_text("SECRET")
        package, libraries = Path(probing.__file__).parents[3], Path(sh.__file__).parents[1]
        needed = [f"{package}/autoopt/__init__.py", sh.__file__]
        if subprocess.run(["cat", *needed], user=65534, capture_output=True).returncode:
            pytest.skip("what is installed here can be read by root only")
        done = subprocess.run(
            [interpreter_for_everybody(), "-c", _AS_NOBODY, str(package), str(libraries)],
            cwd=root,
            env={"PATH": os.defpath, "HOME": root, "PYTHONDONTWRITEBYTECODE": "1"},
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            text=True,
        )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found
    for inside, outside, said in found.values():
        assert (inside, outside) == (["file"], [])
        assert "SECRET" not in said
        assert "out" in said


def interpreter_for_everybody() -> str:
    """An interpreter of this version that users without rights can start; root's own may lie in its home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with contextlib.suppress(OSError):
            if subprocess.run([program, "-c", ""], user=65534, capture_output=True).returncode == 0:
                return program
    pytest.skip("no interpreter of this version can be started by everybody")


@linux
@pytest.mark.skipif(not PROGRAM, reason="bubblewrap makes the place to try it in")
def test_where_namespaces_are_forbidden_the_kernel_is_asked_itself(tmp_path: Path) -> None:
    shut = [PROGRAM, "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--dev-bind", "/", "/"]
    if subprocess.run([*shut, "true"], capture_output=True).returncode != 0 or not landlock.version():
        pytest.skip("no such place can be made here")
    script = """if True:
        import os, pathlib
        from autoopt.processes.sandbox import choose
        from autoopt.schema import Sandbox
        found = choose(Sandbox.auto, pathlib.Path("."), os.environ)
        print(found.kind, found.why, sep=chr(10))
    """
    done = subprocess.run(
        [*shut, sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("landlock\nbubblewrap does not work here: bwrap: ")


def test_a_run_without_walls_tells_what_it_notices(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "size.py").write_text("N = 30\nprint(N)\n")
    (root / "mine.txt").write_text("mine\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    environ = {"PATH": PATH, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    words = ["scope=size.py", "budget.experiments=1", "metric.extract.kind=line", "metric.extract.pattern=-1"]
    words += ["params.n={file: size.py, python: N, choices: [30, 20]}", "sandbox=none"]

    def optimize(command: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "autoopt", *words, f"metric.command={command}", "confirm=no"]
        return subprocess.run(line, cwd=root, env=environ, capture_output=True, text=True)

    noted = optimize(f"echo x >> {root}/mine.txt; python3 -c 'import size'")
    stopped = optimize(f"echo x >> {root}/.git/hooks/post-commit; python3 -c 'import size'")
    agreed = optimize("echo x >> ../../../../../trust.json; python3 -c 'import size'")

    assert (noted.returncode, noted.stderr) == (0, "")
    assert "note: mine.txt in your checkout changed during the run" in noted.stdout
    assert "none. autoopt will notice" in noted.stdout
    assert stopped.returncode == 6
    assert "post-commit changed while a command ran" in stopped.stderr
    assert "trust.json changed while a command ran" in agreed.stderr
