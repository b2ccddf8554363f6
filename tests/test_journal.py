import dataclasses
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoopt import journal as journals
from autoopt.codec import decode, encode
from autoopt.errors import BusyError, DamagedStateError, ResourceError
from autoopt.journal import Journal, checkpoint
from autoopt.records import (
    Call,
    Change,
    Confirmation,
    Experiment,
    Failure,
    Finding,
    Level,
    Measurement,
    Outcome,
    Restart,
    Sample,
    Status,
    Thought,
    Usage,
    Verdict,
)

BASE, KEPT = "a" * 40, "b" * 40


def sample(value: float, seed: int = 0) -> Sample:
    return Sample(value=value, wall_s=1.5, cpu_s=1.0, peak_bytes=4096, seed=seed, details={"q1_ms": value})


def baseline() -> Experiment:
    return Experiment(
        number=0,
        status=Status.baseline,
        commit=BASE,
        parent=BASE,
        description="baseline",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit=BASE, samples=(sample(10.0), sample(10.5))),
        finished="2026-01-01T00:00:00+00:00",
    )


def kept() -> Experiment:
    verdict = Verdict(
        outcome=Outcome.better,
        effect=0.2,
        low=0.1,
        high=0.3,
        probability=0.99,
        pairs=2,
        is_ratio=True,
        sentence="KEEP 18 % faster",
    )
    return Experiment(
        number=1,
        status=Status.keep,
        commit=KEPT,
        parent=BASE,
        description="cache\tthe lookup",
        hypothesis="Caching should improve it because it repeats",
        area="lookup",
        source="optuna",
        parameters={"size": 3, "mode": None},
        paths=("src/a.py",),
        added=1,
        removed=1,
        measurement=Measurement(commit=KEPT, samples=(sample(8.0, 1), sample(8.2, 2))),
        incumbent_samples=(sample(10.0, 1), sample(10.2, 2)),
        verdict=verdict,
        findings=(Finding(guard="tests", passed=True, message="exit 0"),),
        finished="2026-01-01T00:01:00+00:00",
    )


def crashed() -> Experiment:
    return dataclasses.replace(
        baseline(),
        number=2,
        status=Status.crash,
        commit="c" * 40,
        parent=KEPT,
        description="break it",
        measurement=None,
        failure=Failure(reason="exit 1", tail="Traceback"),
    )


CHANGE = Change(commit=KEPT, parent=BASE, tree="d" * 40, paths=("src/a.py",), added=1, removed=1)


def write(path: Path) -> Journal:
    journal = Journal.create(path, run_id="r", base=BASE, goal="faster")
    journal.begin(0, BASE, "baseline")
    for taken in baseline().measurement.samples:  # type: ignore[union-attr]
        journal.measured(0, taken, None)
    journal.decided(baseline())
    journal.done(0)
    journal.begin(1, BASE, "cache")
    journal.edited(1, CHANGE)
    for mine, theirs in zip(kept().measurement.samples, kept().incumbent_samples, strict=True):  # type: ignore[union-attr]
        journal.measured(1, mine, theirs)
    journal.decided(kept())
    journal.moved(1)
    journal.done(1)
    return journal


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written = write(tmp_path / "journal.jsonl")

    read = Journal(tmp_path / "journal.jsonl")

    assert read.history == written.history == [baseline(), kept()]
    assert read.incumbent == kept()
    assert read.pending is None
    assert read.next_number == 2


def test_a_name_that_is_no_text_is_written_so_that_it_can_be_read(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")
    refusal = Finding(guard="scope", passed=False, message="src/caf\udce9.py: not UTF-8")
    journal.begin(2, KEPT, "d")
    journal.decided(dataclasses.replace(crashed(), paths=("src/caf\udce9.py",), findings=(refusal,)))

    read = Journal(journal.path)

    assert read.history == journal.history
    assert read.history[-1].paths == ("src/caf?.py",)
    assert journals.log(read.history).encode()


def test_an_interrupted_attempt_is_pending_and_its_number_is_not_used_again(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")
    journal.begin(2, KEPT, "half done")

    read = Journal(journal.path)

    assert read.pending == journals.Pending(number=2, parent=KEPT, decided=None)
    assert read.next_number == 3
    assert len(read.history) == 2


def test_a_decided_experiment_that_was_not_carried_out_is_pending(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", run_id="r", base=BASE, goal="")
    journal.begin(0, BASE, "baseline")
    journal.decided(crashed())

    pending = Journal(journal.path).pending

    assert pending is not None
    assert pending.decided == crashed()


def test_pairs_before_a_repair_do_not_count(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")
    journal.begin(2, KEPT, "repaired")
    journal.edited(2, CHANGE)
    journal.measured(2, sample(99.0), sample(98.0))
    journal.edited(2, CHANGE)
    journal.measured(2, sample(8.0, 1), sample(10.0, 1))
    journal.measured(2, sample(8.2, 2), sample(10.2, 2))
    repaired = dataclasses.replace(kept(), number=2)
    journal.decided(repaired)

    assert Journal(journal.path).history[2] == repaired


@pytest.mark.parametrize("cut", [1, 5, 40, 200])
def test_a_torn_last_line_is_dropped_and_the_run_goes_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: -min(cut, last - 1)])

    read = Journal(path)
    read.done(1)

    assert Journal(path).history == [baseline(), kept()]
    assert path.read_bytes().count(b"\n") == whole.count(b"\n")


def test_any_other_bad_line_stops_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"10.5", b"99.5")
    path.write_bytes(b"".join(lines))

    with pytest.raises(DamagedStateError, match="line 4"):
        Journal(path)


def test_a_removed_line_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))

    with pytest.raises(DamagedStateError, match="line 3"):
        Journal(path)


def test_an_unknown_word_is_refused_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    odd = encode(kept())
    odd["status"] = "kept"
    odd["measurement"] = False
    del odd["incumbent_samples"]
    with pytest.raises(ValueError, match="kept"):
        journal._append("DECIDED", number=2, experiment=odd)

    with pytest.raises(DamagedStateError, match="kept"):
        Journal(path)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", run_id="r", base=BASE, goal="")
    with pytest.raises(ValueError, match="version 2"):
        journal._append("RUN", version=2)

    with pytest.raises(DamagedStateError, match="version 2"):
        Journal(journal.path)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from autoopt.errors import ResourceError\n"
        "from autoopt.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"journal = Journal(Path({str(path)!r}))\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 10}, {len(before) + 10}))\n"
        "try:\n    journal.stop('x' * 100)\n"
        "except ResourceError:\n    sys.exit(4)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], check=False)

    assert done.returncode == ResourceError.exit_code
    assert path.read_bytes() == before


def test_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    journal._elapsed_before_s = 1000.0
    journal.stop("interrupted")

    assert 1000.0 <= Journal(path).elapsed_s < 1010.0


def test_the_confirmation_counts_until_the_next_experiment_begins(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")
    confirmation = Confirmation(
        baseline=10.0, final=8.0, effect=0.2, low=0.1, high=0.3, pairs=8, is_ratio=True
    )
    journal.confirmed(confirmation)
    journal.stop("budget")

    assert Journal(journal.path).confirmation == confirmation
    journal.begin(2, KEPT, "more")
    assert Journal(journal.path).confirmation is None


def test_the_table_has_five_columns_and_a_crash_has_no_number() -> None:
    rows = [line.split("\t") for line in journals.tsv([baseline(), kept(), crashed()]).splitlines()]

    assert rows[0] == ["experiment", "commit", "metric", "status", "description"]
    assert rows[1] == ["0", BASE[:10], "10.25", "baseline", "baseline"]
    assert rows[2] == ["1", KEPT[:10], "8.1", "keep", "cache the lookup"]
    assert rows[3][2:4] == ["", "crash"]


def test_the_log_says_what_and_why() -> None:
    text = journals.log([kept(), crashed()])

    assert "why: Caching should improve it" in text
    assert "KEEP 18 % faster" in text
    assert "failed: exit 1" in text


def test_a_second_process_is_told_who_holds_the_run(tmp_path: Path) -> None:
    assert not journals.is_held(tmp_path)
    with journals.held(tmp_path):
        assert journals.is_held(tmp_path)
        with pytest.raises(BusyError, match=r"process \d+ on"), journals.held(tmp_path):
            pass
    assert not journals.is_held(tmp_path)


def test_whoever_looks_whether_a_run_is_held_keeps_nobody_from_working_on_it(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    looking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)  # as it does for a moment
    away = threading.Timer(0.005, os.close, [looking])
    away.start()
    with journals.held(tmp_path):
        assert journals.is_held(tmp_path)
    away.join()


def test_lines_are_plain_json_for_other_tools(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")

    events = [json.loads(line)["event"] for line in journal.path.read_text().splitlines()]

    assert events[:3] == ["RUN", "BEGIN", "MEASURED"]
    assert events[-3:] == ["DECIDED", "MOVED", "DONE"]


@given(value=st.floats(allow_nan=False, allow_infinity=False), name=st.text(), flag=st.booleans())
def test_records_survive_encoding(value: float, name: str, flag: bool) -> None:
    finding = Finding(guard=name, passed=flag, message=name)
    experiment = dataclasses.replace(
        kept(), findings=(finding,), parameters={name: value}, failure=Failure(reason=name, timeout=flag)
    )

    assert decode(Experiment, json.loads(json.dumps(encode(experiment)))) == experiment


def test_looking_at_a_run_never_writes_to_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    torn = path.read_bytes()[:-20]  # as while another process is in the middle of an append
    path.write_bytes(torn)

    Journal(path)

    assert path.read_bytes() == torn


def test_an_interrupted_append_leaves_file_and_memory_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    written = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        written(descriptor, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.begin(2, KEPT, "cut short")
    monkeypatch.undo()
    journal.stop("interrupted")

    assert Journal(path).stopped == "interrupted"
    assert Journal(path).pending is None


def test_a_decision_is_synced_at_once_and_what_a_resume_does_again_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (sync(descriptor), synced.append(descriptor)))
    journal.stop("to have synced a moment ago")
    journal.begin(2, KEPT, "tried")
    before = len(synced)
    journal.spent(Call(number=2, stage="think", agent="a", transcript="", usage=Usage(calls=1)))

    assert before == 1
    assert len(synced) == 2


def test_calls_of_agents_are_remembered_with_what_they_took(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", run_id="run", base=BASE, goal="")
    usage = Usage(calls=1, cost_usd=0.25, input_tokens=1000, output_tokens=50, turns=3, seconds=12.5)
    call = Call(number=1, stage="think", agent="claude", transcript="0001-1-think", usage=usage)

    journal.spent(call)
    journal.spent(dataclasses.replace(call, stage="edit"))

    again = Journal(journal.path)
    assert again.calls == [call, dataclasses.replace(call, stage="edit")]
    assert again.next_number == 0


def test_the_log_tells_what_an_agent_thought_of_its_idea() -> None:
    thought = Thought(
        impact=9, feasibility=6, novelty=10, newness=3, assumption="rows are sorted", risk="memory grows"
    )
    text = journals.log([dataclasses.replace(kept(), thought=thought)])

    assert "score: 6.0 of 10 (impact 9, feasibility 6, novelty 10; the journal says 3)" in text
    assert "assumes: rows are sorted" in text
    assert "not measured: memory grows" in text


def test_a_call_that_was_cut_short_is_remembered(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", run_id="run", base=BASE, goal="")
    call = Call(number=1, stage="think", agent="claude", transcript="", usage=Usage(calls=1))
    journal.asked(1, "think")
    journal.spent(call)
    journal.asked(1, "edit")

    again = Journal(journal.path)
    assert again.unanswered == [(1, "edit")]
    again.asked(1, "think")
    again.spent(call)
    assert Journal(journal.path).unanswered == [(1, "edit")]


def test_where_the_incumbent_stands_counts_until_the_judge_begins_anew(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.jsonl")
    level = Level(target=9.0, value=8.1, low=8.0, high=8.2, probability=0.99, samples=(sample(8.1, 901),))
    restart = Restart(
        after=1,
        measurement=Measurement(commit=KEPT, samples=(sample(7.0),)),
        reason="another host (a → b)",
        variation="noise",
        conditions={"host": "b"},
    )
    journal.measured_on({"host": "a"})
    journal.placed(1, level)
    journal.confirmed(
        Confirmation(baseline=10, final=8, effect=0.2, low=0.1, high=0.3, pairs=8, is_ratio=True)
    )
    assert Journal(journal.path).history[1].level == level
    assert Journal(journal.path).conditions == {"host": "a"}

    journal.restarted(restart)

    again = Journal(journal.path)
    assert again.restarts == [restart]
    assert again.conditions == {"host": "b"}
    assert again.history == journal.history == [baseline(), kept()]
    assert again.confirmation is None


def long_run(path: Path, experiments: int = 120) -> Journal:
    """A journal that is long enough for a checkpoint, written by a process that told it when to rest."""
    journal = write(path)
    parent = KEPT
    for number in range(2, experiments):
        journal.begin(number, parent, f"idea {number}")
        journal.edited(number, CHANGE)
        pairs = [(sample(8.0 + number / 1000, seed), sample(10.0, seed)) for seed in range(4)]
        for mine, theirs in pairs:
            journal.measured(number, mine, theirs)
        body = dataclasses.replace(
            kept(),
            number=number,
            status=Status.discard,
            parent=parent,
            measurement=Measurement(commit=KEPT, samples=tuple(mine for mine, _ in pairs)),
            incumbent_samples=tuple(theirs for _, theirs in pairs),
            hypothesis="x" * 1500,
        )
        journal.decided(body)
        journal.done(number)
        journal.rest()
    return journal


def told(journal: Journal) -> tuple[object, ...]:
    return (
        list(journal.history),
        list(journal.calls),
        journal.unanswered,
        journal.pending,
        journal.restarts,
        journal.omissions,
        journal.confirmation,
        dict(journal.conditions),
        journal.stopped,
        dict(journal.header),
        journal.next_number,
        journal._chain,
    )


def test_a_long_journal_is_read_alike_with_and_without_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written = long_run(path)
    call = Call(number=119, stage="think", agent="a", transcript="t", usage=Usage(calls=1))
    written.asked(120, "think")
    written.spent(call)
    written.asked(120, "edit")
    written.stop("interrupted")

    quick = Journal(path)
    begun = quick._noted
    quick_told = told(quick)
    (tmp_path / checkpoint.NAME).unlink()
    slow = Journal(path)

    assert 0 < begun < len(slow.history)
    assert slow._noted == 0
    assert quick_told == told(slow) == (*told(written)[:2], [(120, "edit")], *told(written)[3:])


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"idea", b"IDEA", 1) + b" ",
        lambda text: text.replace(b'\\"size\\":', b'\\"size\\":1', 1),
        lambda text: b"",
        lambda text: b"[]",
        lambda text: b"\xff\x00",
    ],
)
def test_a_damaged_checkpoint_changes_nothing(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "journal.jsonl"
    expected = told(long_run(path))
    beside = tmp_path / checkpoint.NAME
    beside.write_bytes(damage(beside.read_bytes()))

    assert told(Journal(path)) == expected


def test_a_checkpoint_of_other_bytes_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    long_run(path)
    content = path.read_bytes()
    assert Journal(path)._noted
    path.write_bytes(content.replace(b"idea 2", b"idea 9", 1))

    with pytest.raises(DamagedStateError, match=r"line 1[0-9]* does not follow"):
        Journal(path)


def test_a_number_edited_in_the_journal_and_its_checkpoint_stops_the_run(tmp_path: Path) -> None:
    """With the hash and the seal made anew, the checkpoint vouched for a line that its own seal belies."""
    path, beside = tmp_path / "journal.jsonl", tmp_path / checkpoint.NAME
    long_run(path)
    assert Journal(path)._noted
    content = path.read_bytes()
    path.write_bytes(content.replace(b"idea 2", b"idea 9", 1))
    sealed = json.loads(beside.read_bytes())
    body = json.loads(sealed["body"])
    body["digest"] = hashlib.sha256(path.read_bytes()[: body["size"]]).hexdigest()
    text = json.dumps(body, separators=(",", ":"))
    seal = hashlib.sha256(text.encode()).hexdigest()
    beside.write_text(json.dumps({**sealed, "body": text, "seal": seal}))

    with pytest.raises(DamagedStateError, match=r"line 1[0-9]* does not follow"):
        Journal(path)


def test_a_checkpoint_that_says_else_than_the_journal_is_not_believed(tmp_path: Path) -> None:
    path, beside = tmp_path / "journal.jsonl", tmp_path / checkpoint.NAME
    expected = told(long_run(path))
    sealed = json.loads(beside.read_bytes())
    text = sealed["body"].replace('"stopped":null', '"stopped":"the target is reached"')
    assert text != sealed["body"]
    seal = hashlib.sha256(text.encode()).hexdigest()
    beside.write_text(json.dumps({**sealed, "body": text, "seal": seal}))

    again = Journal(path)

    assert told(again) == expected
    assert again._noted == 0


def test_a_checkpoint_of_another_version_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    long_run(path)
    assert Journal(path)._noted

    monkeypatch.setattr(checkpoint, "code", lambda: "another")

    assert Journal(path)._noted == 0


def test_a_journal_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    long_run(path)
    again = Journal(path)
    level = Level(target=9.0, value=8.1, low=8.0, high=8.2, probability=0.99)

    again.placed(1, level)
    again.begin(120, KEPT, "more")
    again.edited(120, CHANGE)
    again.measured(120, sample(7.0), sample(8.0))
    again.decided(dataclasses.replace(crashed(), number=120))
    again.done(120)
    (tmp_path / checkpoint.NAME).unlink()

    slow = Journal(path)
    assert told(slow) == told(again)
    assert slow.history[1].level == level


def test_what_was_noted_of_an_experiment_is_in_the_checkpoint_until_the_judge_begins_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.jsonl"
    level = Level(target=9.0, value=8.1, low=8.0, high=8.2, probability=0.99, samples=(sample(8.1, 901),))
    write(path).placed(1, level)
    journal = Journal(path)
    journal._checkpoint()
    restart = Restart(after=1, measurement=Measurement(commit=KEPT, samples=(sample(7.0),)), reason="host")

    assert Journal(path).history[1].level == level
    journal.restarted(restart)
    assert Journal(path)._noted == 2
    assert Journal(path).history == [baseline(), kept()]


def test_what_others_make_of_a_history_is_remembered_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    assert journal.remember("sum", lambda: {"total": len(journal.history)}) is None
    journal._checkpoint()
    journal.begin(2, KEPT, "more")

    again = Journal(path)

    assert again.remember("sum", dict) == (2, {"total": 2})
    assert again.remember("other", dict) is None


def test_a_full_disk_costs_no_more_than_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = write(path)
    (tmp_path / f".{checkpoint.NAME}.tmp").mkdir()  # as good as no room

    journal._checkpoint()

    assert not (tmp_path / checkpoint.NAME).exists()
    assert told(Journal(path)) == told(journal)


def test_experiments_are_read_when_they_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    long_run(path)
    read: list[bytes] = []
    journal = Journal(path)
    decode = journal.history._decode
    journal.history._decode = lambda span: read.append(span) or decode(span)  # type: ignore[func-returns-value]

    assert journal.history[2].number == 2
    assert journal.incumbent.number == 1  # looked for from the end

    assert 0 < len(read) < len(journal.history)


def test_the_projections_grow_with_the_history_and_are_made_anew_when_they_were_touched(
    tmp_path: Path,
) -> None:
    table, prose = tmp_path / "run.tsv", tmp_path / "run.log"
    history = [baseline(), kept(), crashed()]
    files = journals.Projections(table, prose)

    def current(count: int) -> bool:
        files.publish(history[:count])
        return (table.read_text(), prose.read_text()) == (
            journals.tsv(history[:count]),
            journals.log(history[:count]),
        )

    assert current(1)
    before = table.stat().st_ino
    assert current(2)
    assert table.stat().st_ino == before
    table.write_text("mine\n")
    prose.unlink()
    assert current(2)
    assert current(3)


@pytest.mark.parametrize("tail", [b"", b"9\tgarb", b"1\t" + KEPT[:10].encode()])
def test_projections_that_a_crash_left_behind_or_ahead_are_mended(tmp_path: Path, tail: bytes) -> None:
    table, prose = tmp_path / "run.tsv", tmp_path / "run.log"
    history = [baseline(), kept(), crashed()]
    before = journals.Projections(table, prose)
    before.publish(history[:1])
    known = json.loads(json.dumps(before.remembered()))
    table.write_bytes(table.read_bytes() + tail)

    files = journals.Projections(table, prose)
    files.recall(known)
    files.publish(history)

    assert table.read_text() == journals.tsv(history)
    assert prose.read_text() == journals.log(history)


def test_projections_that_somebody_changed_are_not_gone_on_with(tmp_path: Path) -> None:
    table, prose = tmp_path / "run.tsv", tmp_path / "run.log"
    before = journals.Projections(table, prose)
    before.publish([baseline()])
    known = before.remembered()
    table.write_bytes(table.read_bytes().replace(b"baseline", b"BASELINE"))

    files = journals.Projections(table, prose)
    files.recall(known)
    files.publish([baseline(), kept()])

    assert table.read_text() == journals.tsv([baseline(), kept()])
