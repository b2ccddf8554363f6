import json
import os
import py_compile
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from autoopt.processes.compiled import Compiled, compiled

TAG = sys.implementation.cache_tag


class Place:
    """A checkout, and the compiled files of its commands."""

    def __init__(self, root: Path):
        self.tree, self.folder = root / "tree", root / "state" / "compiled"
        self.tree.mkdir()
        self.compiled = Compiled(self.folder, (root / "state", self.tree))

    def target(self, source: Path, tag: str = TAG) -> Path:
        target = self.folder / source.parent.relative_to("/") / f"{source.stem}.{tag}.pyc"
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def held(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if not path.is_dir() or path.is_symlink())
        return {path.name: path.read_bytes() for path in found}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_made_is_what_python_itself_writes(place: Place) -> None:
    source = place.tree / "module.py"
    source.write_text('"""Text."""\nassert __debug__\nX = [n for n in range(3)]\n')
    for level in (0, 1, 2):
        written = Path(py_compile.compile(str(source), str(place.tree / "x.pyc"), optimize=level) or "")
        assert compiled(source, level) == written.read_bytes()
    assert compiled(place.tree / "none.py", 0) is None
    source.write_text("1 +")
    assert compiled(source, 0) is None


def test_only_what_sources_compile_to_stays(place: Place, tmp_path: Path) -> None:
    source = place.tree / "module.py"
    source.write_text("X = 1\n")
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    place.target(source).write_bytes(b"forged")
    place.target(place.tree / "gone.py").write_bytes(b"forged")
    place.target(source, f"{TAG}-pytest-9.9.9").write_bytes(b"forged")
    place.target(source, "cpython-307").write_bytes(b"forged")
    place.target(source).with_name("cache.bin").write_bytes(b"forged")
    place.target(source, f"{TAG}.opt-2").symlink_to(outside)
    os.mkfifo(place.target(source, f"{TAG}.opt-1"))
    place.compiled.settle()

    right = compiled(source, 0), compiled(source, 1), compiled(source, 2)
    assert place.held() == dict(
        zip((f"module.{TAG}.pyc", f"module.{TAG}.opt-1.pyc", f"module.{TAG}.opt-2.pyc"), right, strict=True)
    )
    assert [one.tag for one in place.compiled.others] == ["cpython-307"]
    assert outside.read_text() == "theirs"


def test_a_known_file_is_made_again_only_when_somebody_wrote_it(place: Place) -> None:
    source = place.tree / "module.py"
    source.write_text("X = 1\n")
    target = place.target(source)
    target.write_bytes(b"forged")
    place.compiled.settle()
    first, right = target.stat(), target.read_bytes()
    place.compiled.settle()
    assert target.stat().st_ino == first.st_ino

    with target.open("r+b") as file:  # the same file, size and age
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    os.utime(target, ns=(first.st_atime_ns, first.st_mtime_ns))
    place.compiled.settle()
    assert target.read_bytes() == right
    place.compiled.forget(place.tree)
    assert place.held() == {}


def test_an_installations_own_files_are_taken_and_not_compiled_again(place: Place) -> None:
    source = Path(json.__file__)
    beside = Path(cache_from_source(str(source)))
    if not beside.exists():
        pytest.skip("this Python has no compiled standard library")
    place.target(source).write_bytes(b"forged")
    place.compiled.settle()
    assert place.held() == {beside.name: beside.read_bytes()}

    own = place.tree / "module.py"
    own.write_text("X = 1\n")
    forged = Path(py_compile.compile(str(own)) or "")
    forged.write_bytes(forged.read_bytes()[:16] + b"forged")
    place.target(own).write_bytes(b"")
    place.compiled.settle()
    assert place.held()[f"module.{TAG}.pyc"] == compiled(own, 0), "commands can write beside this source"


def test_directories_nested_without_end_are_removed_whole(place: Place) -> None:
    place.folder.mkdir(parents=True)
    folder = os.open(place.folder, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("deeper", dir_fd=folder)
        below = os.open("deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    place.compiled.settle()

    assert list(place.folder.iterdir()) == []
