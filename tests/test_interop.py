import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoopt.errors import UsageError
from autoopt.interop import drafting, finding, instructions, known, log, pi, sheets, tables, tracking
from autoopt.interop.known import Known
from autoopt.interop.rows import FIELDS, About, rows
from autoopt.records import Claim, Status, Verdict
from autoopt.records.deciding import Outcome

CONFIG = {"type": "config", "name": "Faster sort", "metricName": "total_ms", "bestDirection": "lower"}
RUN = {"run": 1, "commit": "abc1234", "metric": 40.0, "metrics": {}, "status": "keep", "description": "first"}


HEAD = '{"format": "autoopt.known/1", "source": "s"}'


def written(tmp_path, *entries, name="log.jsonl", end="\n"):
    path = tmp_path / name
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    path.write_text("\n".join(lines) + end)
    return path


def table(tmp_path, text, name="results.tsv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def statuses(found):
    return [(claim.number, claim.status.value, claim.value) for claim in found.claims]


def test_a_log_of_pi_autoresearch_becomes_claims_on_its_last_number(tmp_path):
    path = written(
        tmp_path,
        {**CONFIG, "metricName": "other_s"},
        RUN,
        CONFIG,
        {"type": "hook", "stage": "before", "run": 9},
        {**RUN, "run": 2, "metric": 50, "description": "base\x1b[31mline"},
        {**RUN, "run": 3, "metric": 40, "metrics": {"parse_ms": 3, "bad": "x", "inf": 1e999}},
        {**RUN, "run": 4, "metric": 0, "status": "crash", "asi": {"hypothesis": "H", "next_step": {"a": 1}}},
        {**RUN, "run": 5, "metric": 39, "status": "checks_failed"},
    )

    found = pi.read(path)

    assert statuses(found) == [
        (2, "baseline", 50.0),
        (3, "keep", 40.0),
        (4, "crash", None),  # its 0 is no number
        (5, "inspector-reject", 39.0),
    ]
    assert (found.name, found.metric, found.unit, found.direction) == (
        "Faster sort",
        "total_ms",
        "ms",
        "lower",
    )
    assert found.remarks == ("1 experiments on other numbers than total_ms left out",)
    assert found.best is not None and found.best.number == 3
    assert found.claims[0].description == "base [31mline"
    assert found.claims[1].numbers == {"parse_ms": 3.0}
    assert (found.claims[2].hypothesis, found.claims[2].note) == ("H", 'next step: {"a": 1}')
    assert [claim.commit for claim in found.claims] == [
        "abc1234",
        "abc1234",
        "",
        "",
    ]  # the others were reverted


def test_what_cannot_be_read_of_a_log_is_left_out_and_said_to_be(tmp_path):
    path = written(
        tmp_path,
        CONFIG,
        RUN,
        "not json",
        {**RUN, "run": 2, "status": "wonderful"},
        {**RUN, "run": 3, "metric": None, "status": "keep"},
        {**RUN, "run": 1, "status": "discard"},
        '{"run": 4, "met',
        end="",
    )

    found = pi.read(path)

    assert statuses(found) == [(1, "baseline", 40.0), (2, "discard", 40.0)]  # two of number 1: renumbered
    assert found.remarks == (
        "its last line is torn and left out",
        "1 line left out, being no JSON objects (line 3)",
        "2 lines left out, as their status or number is not known (first: line 4)",
    )


@pytest.mark.parametrize(
    "content", ["", "\x00\x01", '{"type": "config"}\n', "[]\n", "{}\n" * 5, '{"run": true}\n']
)
def test_a_file_without_an_experiment_is_no_log(tmp_path, content):
    path = tmp_path / "log.jsonl"
    path.write_text(content)

    with pytest.raises(UsageError, match=r"holds no experiment of pi-autoresearch .* another log\?"):
        pi.read(path)


def test_a_log_that_is_too_large_or_no_file_is_refused_in_one_line(tmp_path):
    huge = tmp_path / "huge.jsonl"
    with huge.open("wb") as file:
        file.truncate(log.LARGEST + 1)
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match=r"has 64 MB, and at most 64 are read"):
        pi.read(huge)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match=r"no regular file|cannot be read"):
            log.content(path)


def test_of_a_long_log_the_latest_experiments_are_taken(tmp_path):
    entries = [{**RUN, "run": number} for number in range(1, log.MOST + 11)]

    found = pi.read(written(tmp_path, CONFIG, *entries))

    assert (len(found.claims), found.claims[-1].number) == (log.MOST, log.MOST + 10)
    assert found.remarks == (f"10 older experiments are left out, {log.MOST} are taken",)


def test_karpathys_table_is_read_by_its_columns_and_its_keeps_say_which_way_is_better(tmp_path):
    path = table(
        tmp_path,
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        "a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n"
        "b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR\tto 0.04\n"
        "c3d4e5f\t1.005000\t44.0\tdiscard\tswitch to GeLU\n"
        "d4e5f6a\t0.000000\t0.0\tcrash\tdouble model width (OOM)\n"
        "torn\t1\n",
    )

    found = tables.read(path)

    assert statuses(found) == [
        (0, "baseline", 0.9979),
        (1, "keep", 0.9932),
        (2, "discard", 1.005),
        (3, "crash", None),
    ]
    assert (found.source, found.metric) == ("karpathy/autoresearch", "val_bpb")
    assert (found.direction, found.guessed) == ("lower", True)
    assert found.claims[1].description == "increase LR to 0.04"
    assert found.claims[1].numbers == {"memory_gb": 44.2}
    assert found.claims[2].commit == "c3d4e5f"
    assert found.remarks == ("1 line left out, lacking a column (line 6)",)


def test_uditgoenkas_table_says_the_direction_and_rows_without_a_try_are_no_claims(tmp_path):
    path = table(
        tmp_path,
        "# metric_direction: higher_is_better\n"
        "iteration\ttimestamp\tcommit\tmetric\tdelta\tguard\tguard-metric\tstatus\tdescription\n"
        "0\tt\ta1b2c3d\t85.2\t0.0\tpass\t-\tbaseline\tinitial state\n"
        "1\tt\tb2c3d4e\t87.1\t+1.9\tpass\t-\tkeep (reworked)\tadd tests\n"
        "2\tt\t-\t86.5\t-0.6\t-\t-\tdiscard\trefactor\n"
        "4\tt\t-\t-\t-\t-\t-\tno-op\tread-only\n"
        "5\tt\t-\t-\t-\t-\t-\tmetric-error\tprinted PASS\n",
    )

    found = tables.read(path)

    assert statuses(found) == [
        (0, "baseline", 85.2),
        (1, "keep", 87.1),
        (2, "discard", 86.5),
        (5, "crash", None),
    ]
    assert (found.source, found.direction, found.guessed) == ("uditgoenka/autoresearch", "higher", False)


def test_a_table_of_other_words_is_read_as_far_as_they_are_known(tmp_path):
    path = table(
        tmp_path,
        "experiment\tval_bpb\tbytes\tstatus\ttimestamp\n"
        "base\t1.57\t9\tbaseline\tt\nwide\t1.68\t11\treverted_worse\tt\nwarm\t1.51\t12\tKEPT\tt\nfin\t1.3\t1\tFINAL\tt\n",
    )

    found = tables.read(path)

    assert [(one.description, one.status.value) for one in found.claims] == [
        ("base", "baseline"),
        ("wide", "discard"),
        ("warm", "keep"),
    ]
    assert found.remarks == ("1 line left out, as their status or number is not known (line 5)",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no table"),
        ("a,b,status\n1,2,keep\n", "no table"),
        ("status\tstatus\nkeep\tkeep\n", "no table"),
        ("commit\tstatus\tdescription\na\tkeep\tx\n", "none of its columns has numbers"),
        ("commit\tval\tstatus\nabc\t1\tgreat\n", "no row with a status"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(tmp_path, text, why):
    with pytest.raises(UsageError, match=why) as refused:
        tables.read(table(tmp_path, text))

    assert "\n" not in str(refused.value)


@settings(max_examples=60)
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(alphabet='\t\n {}[]":,rundmetricstakp10.-e', max_size=300)
    )
)
def test_whatever_is_in_a_log_it_is_refused_or_its_claims_are_harmless(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "log"
    path.write_bytes(content if isinstance(content, bytes) else f"metric\tstatus\tidea\n{content}".encode())

    for read in (pi.read, tables.read):
        try:
            found = read(path)
        except UsageError:
            continue
        for claim in found.claims:
            assert claim.description.isprintable()
            assert claim.value is None or claim.value == pytest.approx(claim.value)


def test_what_a_run_knows_is_read_back_as_it_was_written(tmp_path):
    claims = (
        Claim(number=1, status=Status.baseline, description="base", value=2.5),
        Claim(
            number=2,
            status=Status.crash,
            description="ünïcode \u2028",
            note="n",
            numbers={"a": 1.0},
            tree="t",
        ),
    )
    mine, kept = tmp_path / "mine.jsonl", tmp_path / "kept.jsonl"
    mine.write_bytes(known.written(Known(source="pi", claims=claims, metric="m", direction="lower", log="x")))

    found = known.of_run(kept, mine)
    mine.unlink()  # the run goes on with its own copy

    assert found.claims == claims
    assert found.told == "1 experiment of pi: 1 crash"
    assert known.of_run(kept, mine) == found
    assert known.of_run(tmp_path / "none", None).claims == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "was not written by"),
        ('{"format": "autoopt.known/9"}\n', "was not written by"),
        ('{"format": "autoopt.known/1", "source": "s", "new": 1}\n', "line 2 cannot be understood"),
        ('{"format": "autoopt.known/1", "source": "s"}\n{"number": 1, "stat', "line 2 cannot be understood"),
        (
            f'{HEAD}\n{{"number": 1, "status": "good", "description": ""}}\n',
            "line 2 cannot be understood",
        ),
        (
            f'{HEAD}\n{{"number": 1, "status": "keep", "description": 5}}\n',
            "line 2 cannot be understood",
        ),
    ],
)
def test_a_damaged_file_of_claims_is_refused_with_its_line(tmp_path, content, why):
    path = tmp_path / "known.jsonl"
    path.write_text(content)

    with pytest.raises(UsageError, match=f"propose.known: .*{why}"):
        known.load(path)
    with pytest.raises(UsageError, match="is not there"):
        known.load(tmp_path / "gone")


def test_instructions_give_only_names_that_are_there(tmp_path):
    (tmp_path / "app" / "src").mkdir(parents=True)
    (tmp_path / "app" / "src" / "a.py").write_text("")
    (tmp_path / "Makefile").write_text("")
    prompt = tmp_path / "prompt.md"
    prompt.write_text(
        "# Autoresearch: x\n## Objective\n\nMake it fast. And small.\n\n## Files in Scope\n"
        "- `src/a.py` — see also `Makefile`\n- `src/*.py`: all\n- gone.py\n- `../../etc/passwd` - no\n"
        "- `/etc` — no\n- Other files only when `Makefile` asks\n"
        "## Off Limits\n- Makefile\n- `.git/config`\n- the workload\n"
    )

    told = instructions.of_prompt(prompt, tmp_path, "app")

    assert told.goal == "Make it fast."
    assert told.scope == ("app/src/a.py", "app/src/*.py", "Makefile")
    assert told.off_limits == ("Makefile",)


def test_a_session_in_a_sub_directory_is_measured_from_there(tmp_path):
    auto = tmp_path / "pkg" / ".auto"
    auto.mkdir(parents=True)
    (auto / "measure.sh").write_text(
        "#!/usr/bin/env python3\ngit rev-parse HEAD\ncd /home/me/app\nMETRIC t_ms=1\n"
    )
    (auto / "config.json").write_text('{"maxIterations": 7}')
    written(tmp_path / "pkg" / ".auto", CONFIG, RUN)

    found = finding.session(auto)
    draft = drafting.draft(found, finding.read(found), tmp_path)

    assert draft.content["metric"] == {
        "command": "cd pkg && python3 .auto/measure.sh",
        "extract": {"kind": "named", "pattern": "total_ms"},
        "unit": "ms",
        "direction": "lower",
    }
    assert draft.content["budget"] == {"experiments": 7}
    assert drafting.missing(draft.content) == ["scope=PATH"]
    assert [said.partition(",")[0] for said in draft.remarks] == [
        "measure.sh calls git",
        "measure.sh names /home/me/app",
    ]


def test_a_script_is_called_as_its_first_line_says_and_its_line_ends_are_looked_at(tmp_path):
    auto = tmp_path / ".auto"
    auto.mkdir()
    (auto / "measure.sh").write_bytes(b"#!/bin/bash -eu\r\necho METRIC total_ms=1\r\n")
    written(auto, {**CONFIG, "name": "command"}, RUN)

    found = finding.session(tmp_path)
    draft = drafting.draft(found, finding.read(found), tmp_path)

    assert draft.content["metric"]["command"] == "bash -eu .auto/measure.sh"
    assert ["line ends of Windows" in said for said in draft.remarks] == [True]
    assert (
        drafting.name_of(finding.read(found), {**draft.content, "goal": "x"}, tmp_path) == "x"
    )  # builds on command


@pytest.mark.parametrize("name", ["measure.sh", "checks.sh"])
def test_a_script_that_is_a_link_is_refused_in_one_line(tmp_path, name):
    auto = tmp_path / "here" / ".auto"
    auto.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("echo METRIC total_ms=1\n")
    (auto / name).symlink_to(tmp_path / "elsewhere")
    written(auto, CONFIG, RUN)

    with pytest.raises(UsageError, match=f"{name}: leads to .*/elsewhere; copy that file here"):
        drafting.draft(finding.session(auto.parent), None, auto.parent)


def test_odd_numbers_of_experiments_and_odd_spellings_are_not_taken(tmp_path):
    path = written(tmp_path, CONFIG, RUN, {**RUN, "run": 1e300}, {**RUN, "run": -4}, {**RUN, "metric": "1_0"})

    found = pi.read(path)

    assert [claim.number for claim in found.claims] == [1, 2, 3]
    assert len(found.remarks) == 1


def test_what_uditgoenkas_tool_hands_over_makes_the_recipe(tmp_path):
    folder = tmp_path / "autoresearch" / "loop-260301-1200"
    folder.mkdir(parents=True)
    (tmp_path / "src").mkdir()
    table(
        folder,
        "# metric_direction: higher_is_better\n"
        "iteration\tmetric\tdelta\tstatus\tdescription\n0\t1\t0\tbaseline\tb\n",
    )
    config = {
        "goal": "more",
        "scope": "src, gone",
        "verify": "make n",
        "guard": "make t",
        "direction": "higher",
    }
    (folder / "handoff.json").write_text(json.dumps({"config": config}))

    found = finding.session(tmp_path)
    draft = drafting.draft(found, finding.read(found), tmp_path)

    assert drafting.missing(draft.content) == []
    assert draft.content["metric"]["command"] == "make n"
    assert draft.content["guards"] == {"checks": {"command": "make t"}}
    assert draft.content["scope"] == ["src"]
    assert drafting.name_of(None, draft.content, tmp_path) == "more"


def test_of_several_logs_one_has_to_be_named(tmp_path):
    table(tmp_path, "x")
    table(tmp_path, "x", "autoresearch-results.tsv")

    with pytest.raises(
        UsageError, match=r"holds 2 logs \(autoresearch-results.tsv, results.tsv\); name the one"
    ):
        finding.session(tmp_path)
    with pytest.raises(UsageError, match="holds no log of another tool; wanted"):
        finding.session(tmp_path.parent)
    with pytest.raises(UsageError, match="is not there; wanted"):
        finding.session(tmp_path / "nowhere")


ABOUT = About(run="r", unit="s", direction="lower", why=lambda one: "because", gain=lambda effect: effect / 2)


def verdict():
    return Verdict(
        outcome=Outcome.better,
        effect=0.2,
        low=0.1,
        high=0.3,
        probability=0.99,
        pairs=4,
        is_ratio=True,
        sentence="KEEP",
    )


def test_an_exported_experiment_has_exactly_the_fields_that_are_documented():
    from support.scripted_agent import baseline, tried

    made = list(rows([baseline(), tried(1, verdict=verdict())], ABOUT))

    assert all(list(row) == list(FIELDS) for row in made)
    assert (made[1]["gain"], made[1]["gain_low"], made[1]["pairs"]) == (0.1, 0.05, 4)
    assert json.loads(sheets.lines(made).splitlines()[1]) == made[1]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'/c calc'!A0", "-2", "@SUM(A1)", "  =x", "\t=x"])
def test_no_text_is_a_formula_in_a_spreadsheet_and_numbers_stay_numbers(text):
    import csv

    from support.scripted_agent import baseline, tried

    made = list(rows([baseline(), tried(1, description=text, verdict=verdict())], ABOUT))
    made[1]["gain"] = -0.5
    sheet = sheets.table(made)

    (_, row) = csv.DictReader(sheet.removeprefix("\ufeff").splitlines())
    assert sheet.startswith("\ufeffrun,number,")
    assert row["description"].startswith("'")
    assert row["gain"] == "-0.5"


def test_names_become_keys_of_mlflow_of_which_no_two_are_one():
    odd = {"a:b": 1, "a_b": 2, "x" * 400: 3, "x" * 401: 4, "a/../b//c": 5, "./": 6, "é\n": 7}

    keys = tracking.keyed(odd)

    assert list(keys.values()) == list(odd.values())
    assert all(re.fullmatch(r"[\w. /-]{1,250}", key, re.ASCII) for key in keys)
    assert list(keys)[4:] == ["a/_/b/_/c", "_/_", "__"]
