import pytest

from autoopt import reference
from autoopt.cli import SUBCOMMANDS
from autoopt.compose import shape


def test_every_option_says_what_it_means():
    for row in reference.rows():
        assert len(row.doc) > 10 and row.doc.endswith((".", "`")), row.path


def test_every_option_of_the_schema_is_in_the_table():
    table = reference.table()
    for path in shape.leaves():
        if path[0] == "inspector":  # has the options of agent
            continue
        assert f"| `{'.'.join(path)}` |" in table


def test_the_table_has_type_unit_and_default():
    rows = {line.split("`")[1]: line for line in reference.table().splitlines()[2:]}

    assert rows["metric.command"].startswith("| `metric.command` | text | `required` | Shell command")
    assert rows["guards.<name>.timeout_s"].startswith("| `guards.<name>.timeout_s` | number | `600.0 s` |")
    assert rows["metric.timeout_s"].startswith("| `metric.timeout_s` | number (s) |  |")
    assert rows["metric.direction"].startswith("| `metric.direction` | lower, higher | `lower` |")
    assert all(line.count(" | ") == 3 for line in rows.values())


def test_the_help_names_every_option_and_fits_a_terminal():
    text = reference.help_text(SUBCOMMANDS)
    for row in reference.rows():
        assert f"  {row.path} (" in text

    assert max(map(len, text.splitlines())) <= 110


def test_the_topic_has_the_present_table():
    text = reference.OPTIONS.read_text(encoding="utf-8")
    assert reference.refreshed(text) == text, "stale: run python -m autoopt.reference"


def test_an_option_is_explained_by_its_path_with_what_is_below_it():
    assert reference.about("budget.wall").startswith("  budget.wall (text)\n      Time for the whole run")
    assert reference.about("params.size.low") == reference.about("params.<name>.low") != ""
    assert "  final.holdout.command (text)" in reference.about("final")
    assert reference.about("budget.walls") == reference.about("budget.wall.x") == ""


def test_refreshing_replaces_what_is_between_the_markers_only(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- options -->\nformer table\n<!-- /options -->\nafter\n")
    reference.main([str(path)])

    text = path.read_text()
    assert text.startswith("before\n<!-- options -->\n\n| option |") and text.endswith(
        "<!-- /options -->\nafter\n"
    )
    assert "former table" not in text
    assert reference.refreshed(text) == text


def test_a_file_without_markers_is_refused(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("nothing here")

    with pytest.raises(ValueError, match="markers"):
        reference.main([str(path)])
    assert path.read_text() == "nothing here"
