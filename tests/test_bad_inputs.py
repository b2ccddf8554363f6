"""What users get wrong; `python -m tests.inputs` types the same, and times it."""

from pathlib import Path

import pytest
from inputs.fuzz import fuzz
from inputs.judging import faults
from inputs.place import Answer, Place
from inputs.rows import ROWS

from autoopt import cli


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_mistake_is_answered_in_one_line_and_changes_nothing(row, tmp_path, monkeypatch, capfd):
    place = Place(tmp_path)
    row.make(place)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, place.environ[name])
    monkeypatch.chdir(Path(row.cwd or place.repo))
    before = place.contents()

    code = cli.main(list(row.words))

    said = capfd.readouterr()
    assert (
        faults(row, Answer(code=code, out=said.out, err=said.err, seconds=0.0), before, place.contents())
        == []
    )


def test_settings_and_outputs_that_nobody_would_think_of_give_no_traceback():
    ended = fuzz(80)

    assert sum(ended.values()) == 80
    assert {name.partition(" ")[0] for name in ended} == {"settings", "output"}
