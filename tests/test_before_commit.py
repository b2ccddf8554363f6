"""What a proposal may not bring, whoever edited: found out before any object is written."""

import os
import socket

import pytest
from support.workspace_repos import (
    FILES,
    by_hand,
    git,
    make_repository,
    open_workspace,
    propose,
    referee,
    state_of,
)

from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.records import Edit, Proposal
from autoopt.scope import Scope
from autoopt.secrets import Secrets
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.rules import Rules

VALUE = "correct-horse-battery"
TREE = {
    **FILES,
    "bench.py": "import numpy, json\nimport checks\nfrom src import fast\n",
    "checks.py": "",
    "src/model.bin": "a\0b",
    "src/pkg/__init__.py": "",
    "src/bench/__init__.py": "",
    "src/bench/__main__.py": "import statistics\n",
    "src/known.txt": f"{VALUE}\n",
    "Makefile": "all:\n",
    "tests/test_fast.py": "def test_it(): pass\n",
}


def objects(root):
    return set(git(root, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run for every refusal: each has to leave everything as it was for the next."""
    root = make_repository(tmp_path_factory.mktemp("refused"), TREE)
    rules = Rules(
        largest_change=20_000, largest_file=10_000, largest_binary=2_000, secrets=Secrets([("K", VALUE)])
    )
    workspace = open_workspace(
        root, scope=Scope(["."], ["bench.py", "checks.py", "tests", "src/bench/__main__.py"]), rules=rules
    )
    return root, workspace


def refused(run, mutate):
    root, workspace = run
    stored = objects(root)
    mutate(workspace.desk)
    with pytest.raises(OutOfScopeError) as error, workspace.attempt(by_hand(), 1):
        raise AssertionError("must not open")

    assert objects(root) == stored
    assert git(workspace.desk, "status", "--porcelain", "--ignored") == ""
    assert VALUE not in str(error.value)
    return error.value


def written(path, content="x = 1\n"):
    def mutate(desk):
        (desk / path).parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (desk / path).write_bytes(data)

    return mutate


def to_link(desk):
    (desk / "src/fast.py").unlink()
    (desk / "src/fast.py").symlink_to("/etc/hostname")


def new_link(desk):
    (desk / "src/new.py").symlink_to("../README")


def folder_to_link(desk):
    (desk / "src/deep").rename(desk / "src/aside")
    (desk / "src/deep").symlink_to("/etc")


def hard_link(desk):
    os.link(desk / "bench.py", desk / "src/twin.py")


def hard_link_in_place(desk):
    (desk / "src/fast.py").unlink()
    os.link(desk / "bench.py", desk / "src/fast.py")


def fifo(desk):
    os.mkfifo(desk / "src/pipe")


def fifo_in_place(desk):
    (desk / "src/fast.py").unlink()
    os.mkfifo(desk / "src/fast.py")


def a_socket(desk):
    here = os.open(desk / "src", os.O_RDONLY)
    socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{here}/s")
    os.close(here)


def case_variant(desk):
    (desk / "src/Fast.py").write_text("")


def normal_form_variants(desk):
    (desk / "src/caf\u00e9.py").write_text("")
    (desk / "src/cafe\u0301.py").write_text("")


def setuid(desk):
    (desk / "src/fast.py").chmod(0o4755)


def frozen_content(desk):
    before = (desk / "bench.py").stat()
    (desk / "bench.py").write_text(TREE["bench.py"].replace("numpy", "Numpy"))
    os.utime(desk / "bench.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def frozen_mode(desk):
    (desk / "bench.py").chmod(0o755)


def frozen_gone(desk):
    (desk / "bench.py").unlink()


def nested_repository(desk):
    git(desk / "src", "init", "-q", "inner")
    (desk / "src/inner/x.py").write_text("")


def hidden_by_new_rules(desk):
    (desk / "src/.gitignore").write_text("*\n")
    (desk / "src/hidden.py").write_text("")


def hidden_by_changed_rules(desk):
    (desk / ".gitignore").write_text("*\n")
    (desk / "src/hidden.py").write_text("")


MUTATIONS = [
    *(to_link, new_link, folder_to_link, hard_link, hard_link_in_place, fifo, fifo_in_place, a_socket),
    *(
        case_variant,
        normal_form_variants,
        setuid,
        frozen_content,
        frozen_mode,
        frozen_gone,
        nested_repository,
    ),
    *(hidden_by_new_rules, hidden_by_changed_rules),
]


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_nothing_but_regular_files_in_scope_is_committed_or_stays(run, mutate):
    assert refused(run, mutate).guard == "scope"
    referee(run[1], run[0])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "random.py",
            "json/__init__.py",
            "src/types.py",
            "src/bench/fractions.py",
            "numpy.py",
            "numpy/__init__.py",
            "pytest.py",
        ),
        *("checks/__init__.py", "sitecustomize.py", "src/pkg/usercustomize.py", "src/x.pth", "conftest.py"),
        *("src/conftest.py", "pytest.ini", "src/setup.cfg", "pyproject.toml", "src/pyrightconfig.json"),
        *("pyrefly.toml", "src/tsconfig.json", "vitest.config.ts", "src/.env"),
        *("GNUmakefile", "src/fast.cpython-311-x86_64-linux-gnu.so", "node_modules/x/index.js", ".env"),
    ],
)
def test_a_new_file_that_programs_take_for_another_is_refused(run, path):
    error = refused(run, written(path))

    assert error.guard == "names" and error.where == path and "workspace.allow_new" in str(error)


@pytest.mark.parametrize(
    "content, where",
    [
        (f"a\nkey = '{VALUE}'\n", "src/new.py:2"),
        ("import base64\nx = 'Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5'\n", "src/new.py:2"),
        ("\n\nAKIAIOSFODNN7EXAMPLE\n", "src/new.py:3"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", "src/new.py:1"),
        (f"ghp_{'a1B2' * 9}", "src/new.py:1"),
    ],
)
def test_a_secret_is_refused_before_any_object_holds_it(tmp_path, content, where):
    root = make_repository(tmp_path)
    workspace = open_workspace(root, rules=Rules(secrets=Secrets([("K", VALUE)])))
    error = refused((root, workspace), written("src/new.py", content))

    assert error.guard == "secrets" and error.where == where


def test_a_secret_in_the_name_of_a_file_is_refused(run):
    error = refused(run, written(f"src/{VALUE}.py"))

    assert error.guard == "secrets" and error.where == "src/[K].py"


@pytest.mark.parametrize(
    "guard, files",
    [
        ("size", {"src/a.txt": 10_001}),
        ("size", {"src/a.txt": 8_000, "src/b.txt": 8_000, "src/c.txt": 8_000}),
        ("binary", {"src/a.bin": -2_001}),
        ("binary", {"src/a.bin": -1_500, "src/model.bin": -1_500}),
    ],
)
def test_too_much_is_refused(run, guard, files):
    def mutate(desk):
        for path, size in files.items():
            (desk / path).write_bytes(b"x" * size if size > 0 else bytes(-size))

    error = refused(run, mutate)

    assert error.guard == guard and "workspace.max_" in str(error)


def test_what_honest_changes_bring_is_kept(tmp_path):
    root = make_repository(tmp_path, TREE)
    rules = Rules(secrets=Secrets([("K", VALUE)]), allow_new=("pytest.ini",))
    workspace = open_workspace(root, scope=Scope(["."], ["bench.py", "checks.py"]), rules=rules)
    new = {
        "src/pkg/random.py": "x = 1\n",  # its full name is pkg.random
        "src/quick.py": "x = 1\n",
        "src/pkg/logging/__init__.py": "",
        "src/copied.txt": f"{VALUE}\n",  # the repository has it already
        "src/model.bin": "c\0d",
        "tests/conftest.py": "",  # the tests are in scope themselves
        "pytest.ini": "[pytest]\n",
        "htmlcov/page.html": "hidden by the rules in its own new folder",
        "htmlcov/.gitignore": "*\n",
    }
    for path, content in new.items():
        written(path, content)(workspace.desk)
    with workspace.attempt(by_hand(), 1) as attempt:
        paths = attempt.change.paths
        attempt.keep()

    assert set(paths) == {path for path in new if not path.startswith("htmlcov")}
    assert git(root, "rev-parse", "autoresearch/r1").strip() == workspace.incumbent


def test_a_message_holds_no_secret(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root, rules=Rules(secrets=Secrets([("K", VALUE)])))
    proposal = propose(description=f"use {VALUE}", hypothesis=f"{VALUE} and AKIAIOSFODNN7EXAMPLE should help")
    with workspace.attempt(proposal, 1) as attempt:
        message = git(root, "log", "-1", "--format=%B", attempt.change.commit).strip()

    assert message == "experiment: use [K]\n\n[K] and [AWS key] should help"


def test_a_branch_that_differs_out_of_scope_gets_no_further_commit(tmp_path):
    root = make_repository(tmp_path)
    with open_workspace(root, scope=Scope(["."])).attempt(propose("bench.py"), 1) as attempt:
        attempt.keep()
    workspace = GitWorkspace.reopen(state_of(root), Scope(["src"]))
    with pytest.raises(OutOfScopeError) as error, workspace.attempt(propose(), 2):
        raise AssertionError("must not open")

    assert (error.value.guard, error.value.where) == ("frozen", "bench.py")


def test_a_commit_that_somebody_has_replaced_is_not_kept(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        commit, parent = (
            root / ".git/objects" / sha[:2] / sha[2:] for sha in (attempt.change.commit, workspace.base)
        )
        commit.unlink()
        commit.write_bytes(parent.read_bytes())
        with pytest.raises(RepositoryError):
            attempt.keep()
        git(root, "update-ref", "-d", "refs/autoopt/r1/1")

    assert git(root, "rev-parse", "autoresearch/r1").strip() == workspace.base


def test_edits_of_a_proposal_are_looked_at_in_the_same_way(run):
    root, workspace = run
    stored = objects(root)
    for path, content in {
        "random.py": b"",
        "src/x.py": b"AKIAIOSFODNN7EXAMPLE",
        "src/y": bytes(5_000),
    }.items():
        edits = (Edit(path=path, content=content),)
        proposal = Proposal(description="d", hypothesis="h", area="a", source="s", edits=edits)
        with pytest.raises(OutOfScopeError), workspace.attempt(proposal, 1):
            raise AssertionError("must not open")

    assert objects(root) == stored


def test_in_the_users_own_checkout_the_same_is_refused_and_undone(tmp_path):
    root = make_repository(tmp_path, TREE)
    rules = Rules(secrets=Secrets([("K", f"{VALUE}-more")]))
    workspace = open_workspace(root, scope=Scope(["src"]), in_place=True, rules=rules)
    guards = []
    with workspace.borrowed(lambda line: None):
        for mutate in (written("src/new.py", f"{VALUE}-more"), written("src/random.py"), hidden_by_new_rules):
            mutate(root)
            with pytest.raises(OutOfScopeError) as error, workspace.attempt(by_hand(), 1):
                raise AssertionError("must not open")
            guards.append(error.value.guard)
    copies = [path for path in state_of(root).rglob("*") if path.is_file() and "refused" in path.parts]

    assert guards == ["secrets", "names", "scope"]
    assert git(root, "status", "--porcelain", "--ignored") == ""
    assert sorted(path.name for path in copies) == [".gitignore", "hidden.py", "new.py", "random.py"]
    assert next(path for path in copies if path.name == "new.py").read_text() == "[K]"
