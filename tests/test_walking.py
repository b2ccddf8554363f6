"""Walking through directories: what is found, and that depth stops nothing."""

import os

from test_nesting import nest

from autoopt.proposers.agent import _files
from autoopt.removing import remove_whole
from autoopt.walking import walk


def test_it_finds_what_the_library_finds_and_enters_no_links(tmp_path):
    for name in ("a/b/one", "a/two", "c/skipped/three", "four"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "c")

    def found(walker):
        kept = []
        for folder, folders, names in walker(tmp_path):
            kept.append((str(folder), sorted(folders), sorted(names)))
            folders[:] = [name for name in folders if name != "skipped"]
        return sorted(kept)

    assert found(walk) == found(os.walk)
    assert not any("skipped" in folder for folder, _, _ in found(walk))


def test_a_deep_directory_is_passed_over_from_some_level_on(tmp_path):
    nest(tmp_path / "deep", name="d")
    nest(tmp_path / "long", name="d" * 200)
    (tmp_path / "file").write_text("here")
    try:
        assert "file" in _files(tmp_path)
        assert len(list(walk(tmp_path))) < 250
    finally:
        remove_whole(tmp_path)
