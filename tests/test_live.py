import io
import json
import logging
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from support.kept_runs import Kept, Step
from support.parallel_runs import here

from autoopt import journal
from autoopt.commands import lookup, watching
from autoopt.errors import DamagedStateError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.records import (
    Call,
    Confirmation,
    Experiment,
    Failure,
    Measurement,
    Outcome,
    Sample,
    Status,
    Usage,
    Verdict,
)
from autoopt.reporters.console import LiveReporter, PlainReporter, reporter_for
from autoopt.reporters.live import status
from autoopt.reporters.live.glance import Glance, Stage
from autoopt.reporters.live.region import redraws
from autoopt.reporters.live.screen import Size, lines, overview
from autoopt.reporters.live.status import StatusFile
from autoopt.schema import BudgetConfig, Direction
from autoopt.workspaces import returned


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def terminal(width=100, height=24):
    return Console(file=Terminal(), force_terminal=True, width=width, height=height, color_system=None)


def verdict(effect, sentence, pairs=3):
    outcome = Outcome.better if effect > 0 else Outcome.worse
    return Verdict(
        outcome=outcome,
        effect=effect,
        low=effect - 0.01,
        high=effect + 0.01,
        probability=0.99,
        pairs=pairs,
        is_ratio=True,
        sentence=sentence,
        noise=0.02,
        reach=0.014,
        patience="default",
    )


def measured(*values):
    samples = [Sample(value=value, wall_s=value, cpu_s=value, peak_bytes=1, seed=1) for value in values]
    return Measurement(commit="a" * 40, samples=samples)


def experiment(number, status_, description, value=None, against=None, **rest):
    old = () if against is None else measured(against).samples
    return Experiment(
        number=number,
        status=status_,
        commit="a" * 40,
        parent="0" * 40,
        description=description,
        hypothesis="",
        area="",
        source="",
        measurement=None if value is None else measured(value),
        incumbent_samples=old,
        **rest,
    )


BASELINE = experiment(0, Status.baseline, "baseline; gains of 1.7 % and more will be seen", 0.412)
KEEP = experiment(
    1, Status.keep, "an index", 0.319, 0.413, verdict=verdict(0.26, "KEEP 23 % faster, 99 % sure, 3 pairs")
)
DISCARD = experiment(
    2, Status.discard, "a cache", 0.319, 0.318, verdict=verdict(-0.003, "REVERT no gain plausible, 2 pairs")
)
CRASH = experiment(4, Status.crash, "no journal", failure=Failure(reason="exit code 1"))
LATER = experiment(6, Status.keep, "memory", 0.309, 0.318, verdict=verdict(0.03, "KEEP 3.0 % faster"))
HISTORY = (BASELINE, KEEP, DISCARD, CRASH, LATER)
BUDGET = BudgetConfig(experiments=20, wall="2h", cost_usd=5.0, tokens=500_000)
USAGE = Usage(calls=2, cost_usd=0.42, input_tokens=11_000, output_tokens=1_340)
GLANCE = Glance(
    run_id="orders-1",
    goal="lower query latency",
    unit="s",
    budget=BUDGET,
    usage=USAGE,
    worked_s=600.0,
    worked_at=1000.0,
    stage=Stage(number=7, name="measure", detail="pair 3 of ≤16", began=1000.0, verdict=verdict(0.02, "")),
).after((*HISTORY[:-1], replace(LATER, seconds={"measure": 40.0, "ask": 20.0})))
GLANCE = replace(GLANCE, stage=replace(GLANCE.stage, verdict=verdict(0.02, "")))


def test_of_what_is_left_a_narrow_screen_says_no_estimate():
    assert "left: 16 experiments · 1 h 49 min of 2h · $4.58 of $5.00 · 488k of 500k tokens" in drawn(width=80)
    assert "left: 16 experiments · 1 h 49 min of 2h" in drawn(width=40)


def drawn(glance=GLANCE, width=100, height=30, encoding="utf-8", now=1012.0):
    return [line.plain for line in lines(glance, Size(width, height, encoding), now)]


def test_one_screen_has_all_there_is_to_know():
    text = "\n".join(drawn(width=110))

    assert "orders-1  lower query latency" in text
    assert "experiment 7 of 20 · measure pair 3 of ≤16 · 12 s of about 40 s" in text
    assert "so far 2.0 % faster, 99 % sure, 3 pairs" in text
    assert "incumbent 309 ms (#6), baseline 412 ms, −25.0 % so far" in text
    assert "gain 25.2 % faster (95 % 24.1–26.2 %), as claimed by 2 kept steps" in text
    assert (
        "left: 16 experiments (about 4 min 00 s) · 1 h 49 min of 2h · $4.58 of $5.00 · 488k of 500k tokens"
        in text
    )
    assert "noise 2.0 % a pair · gains from 1.4 % are waited for" in text
    assert "level ▁▇▇ █" in text
    assert "tries ○▲·!▲  ▲ 2 keep · 1 discard ! 1 crash" in text
    assert "agents: 2 calls, $0.42, 12.3k tokens" in text
    assert "#6  keep      KEEP 3.0 % faster  memory" in text


def test_what_is_not_known_takes_no_line():
    shown = drawn(Glance(run_id="r", stage=Stage(name="measure", detail="run 1 of 2", began=1000.0)))

    assert shown[1:] == ["r", "baseline · measure run 1 of 2 · 12 s"]


def test_what_was_confirmed_stands_in_place_of_the_claim():
    claim = Confirmation(baseline=0.41, final=0.31, effect=0.28, low=0.27, high=0.29, pairs=8, is_ratio=True)
    text = "\n".join(drawn(replace(GLANCE, confirmation=claim)))

    assert "confirmed: 410 ms → 310 ms: 24.4 % faster (95 % 23.7–25.2 %), 8 fresh pairs" in text
    assert "claimed" not in text
    assert "confirmed" not in "\n".join(drawn(replace(GLANCE, confirmation=claim).after([DISCARD])))


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [20, 40, 80, 160])
@pytest.mark.parametrize("height", [1, 4, 7, 24])
def test_no_screen_is_wider_or_higher_than_the_terminal(width, height, encoding):
    wide = replace(
        GLANCE, goal="数" * 300, stage=replace(GLANCE.stage, detail="\x1b[31mpair 3\n of 数数 " * 9)
    )
    found = drawn(wide, width, height, encoding)

    assert 1 <= len(found) <= height
    assert max(map(cell_len, found)) <= width
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(found))
    "".join(found).encode(encoding)


def test_a_low_screen_keeps_where_the_run_is_and_what_it_has_gained():
    (only,), (first, *_, last) = drawn(width=40, height=1), drawn(width=40, height=4)

    assert only == "#7 of 20 · measure pair 3 of ≤16 · 12 s"
    assert first == "orders-1  lower query latency"
    assert last == "gain 25.2 % faster (95 % 24.1–26.2 %)"


def test_experiments_are_told_apart_in_ascii_without_colour():
    rejected = experiment(7, Status.inspector_reject, "x", 0.2)
    text = "\n".join(drawn(GLANCE.after([rejected]), encoding="ascii"))

    assert "tries oK.!Kx  K 2 keep . 1 discard x 1 inspector-reject ! 1 crash" in text


def test_what_cannot_be_added_up_claims_no_gain():
    followed = experiment(7, Status.follow, "follows run w2's keep", 0.2)
    text = "\n".join(drawn(GLANCE.after([followed])))

    assert "incumbent 200 ms (#7), baseline 412 ms" in text
    assert "\ngain " not in text


def test_steps_that_can_be_counted_say_how_long_they_take():
    stage = Stage().next(0, "measure", "baseline 1 of 5", 100.0).next(0, "measure", "baseline 2 of 5", 110.0)
    final = Stage().next(9, "confirm", "pair 1 of ≤8", 100.0).next(9, "confirm", "pair 3 of ≤8", 106.0)

    assert (
        "baseline · measure baseline 2 of 5 · 13 s of about 50 s" in drawn(Glance(stage=stage), now=113.0)[2]
    )
    assert (
        drawn(Glance(stage=final), now=107.0)[2] == "final comparison · pair 3 of ≤8 · 7.0 s of at most 24 s"
    )


def test_a_stage_that_takes_longer_than_usual_says_so():
    assert "· 1 min 40 s, usually 40 s" in drawn(now=1100.0)[2]


def test_the_clock_of_a_stage_goes_on_with_its_steps_and_evidence_outlasts_a_wait():
    first = Stage().next(1, "measure", "pair 2 of ≤16", 5.0)
    judged = replace(first, verdict=KEEP.verdict)

    assert first.next(1, "measure", "pair 3 of ≤16", 9.0).began == 5.0
    assert judged.next(1, "wait", "for its turn", 9.0).verdict is KEEP.verdict
    assert judged.next(1, "inspect", "guard 1 of 2", 9.0).verdict is None
    assert judged.next(2, "measure", "pair 1 of ≤16", 9.0).verdict is None


def test_several_runs_are_two_lines_each_and_the_rest_is_counted():
    shown = [line.plain for line in overview([GLANCE] * 5, Size(80, 7), 1012.0)]

    assert shown[0] == "orders-1  experiment 7 of 20 · measure pair 3 of ≤16 · 12 s of about 40 s"
    assert shown[1].startswith("  ○▲·!▲  25.2 % faster (95 % 24.1–26.2 %) · left: 16 experiments")
    assert shown[6:] == ["and 2 more"]


def live_run(width, history=HISTORY, **options):
    """What a terminal of this width got, with the region's last state before the end."""
    console = terminal(width)
    live = LiveReporter(console, Glance(**options))
    live.on_start("orders-1", "lower query latency", "s", 20)
    best = BASELINE
    for past in history:
        live.on_stage(past.number, "measure", "pair 2 of ≤16")
        best = past if past.status is Status.keep else best
        live.on_experiment(past, best)
    shown = console.file.getvalue()
    live.on_stage(7, "ask", "")
    region = console.file.getvalue()[len(shown) :]
    live.on_finish("spent", history, None)
    return shown, region, console.file.getvalue()[len(shown) + len(region) :]


def test_every_decision_stays_on_the_terminal_after_the_end():
    history = tuple(replace(DISCARD, number=number) for number in range(1, 12))
    shown, region, end = live_run(120, (BASELINE, *history))

    rows = re.findall(r"#(\d+) (?:baseline  412 ms|discard  318 ms)", shown + region + end)
    assert list(map(int, rows)) == list(range(12))
    assert "experiment 7 of 20 · ask" in region
    assert "ended: spent; 11 experiments: 11 discard" in end
    assert "\x1b[?25h" in end  # the cursor is back


def test_a_terminal_that_changes_its_size_is_drawn_anew():
    console = terminal(100)
    live = LiveReporter(console, GLANCE)
    live.on_start("orders-1", "lower query latency", "s", 20)
    live.on_note(1, "something to remember")
    before = len(console.file.getvalue())
    console.width = 40
    live.on_stage(7, "measure", "pair 4 of ≤16")
    text = console.file.getvalue()[before:]
    live.close()

    assert "\x1b[2J" in text
    assert "something to remember" in text
    assert max(len(row) for row in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", text))) <= 40


@pytest.mark.parametrize(
    ("stage", "title"),
    [
        ("confirm", "final comparison · pair 1 of ≤8"),
        ("holdout", "final comparison by the holdout · pair 1 of ≤8"),
        ("leave-one-out", "what each kept change is worth · pair 1 of ≤8"),
        ("restart", "the incumbent anew · pair 1 of ≤8"),
        ("target", "is the target reached? · pair 1 of ≤8"),
    ],
)
def test_what_is_no_part_of_an_experiment_has_a_title(stage, title):
    assert title in drawn(replace(GLANCE, stage=Stage(number=7, name=stage, detail="pair 1 of ≤8")))[2]


def plain(stream=None, **options):
    console = Console(file=stream if stream is not None else io.StringIO())
    return PlainReporter(console, **options), console.file


def said(stream):
    """The lines without their times."""
    found = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in found)
    return [line[9:] for line in found]


def test_plain_progress_is_one_line_per_decision_each_with_its_time():
    reporter, stream = plain()
    reporter.on_start("orders-1", "quick", "s", 8)
    reporter.on_stage(1, "measure", "pair 1 of ≤16")
    reporter.on_verdict(1, KEEP.verdict)
    reporter.on_experiment(KEEP, KEEP)
    reporter.on_note(4, "passed over: a.patch: conflicts")
    reporter.on_call(Call(number=3, stage="think", agent="claude", transcript="", usage=USAGE), USAGE + USAGE)
    reporter.on_finish("interrupted", HISTORY, None)

    day, *rest = said(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    assert rest == [
        "run orders-1: quick, 8 experiments at most",
        "#1 keep  413 ms → 319 ms  KEEP 23 % faster, 99 % sure, 3 pairs  an index",
        "#4 … passed over: a.patch: conflicts",
        "#3 … think by claude: 2 calls, $0.42, 12.3k tokens (so far 4 calls, $0.84, 24.7k tokens)",
        "ended: interrupted; 4 experiments: 2 keep, 1 discard, 1 crash",
    ]


def test_plain_progress_gives_signs_of_life_with_the_evidence_so_far():
    reporter, stream = plain(direction=Direction.higher, heartbeat_s=0.0)
    reporter.on_start("f1", "", "F1", None)
    reporter.on_stage(1, "measure", "pair 3 of ≤16")
    reporter.on_verdict(1, verdict(0.02, ""))
    reporter.on_stage(1, "measure", "pair 4 of ≤16")

    assert said(stream)[2] == "#1 … measure  pair 3 of ≤16"
    assert said(stream)[3] == "#1 … measure  pair 4 of ≤16  so far 2.0 % higher, 99 % sure, 3 pairs"


def test_plain_progress_survives_an_ascii_stream():
    raw = io.BytesIO()
    reporter, _ = plain(io.TextIOWrapper(raw, encoding="ascii"))
    reporter.on_experiment(KEEP, KEEP)

    assert b"0.413 -> 0.319  KEEP" in raw.getvalue()


@pytest.mark.parametrize("kind", ["plain", "live"])
def test_a_stream_that_is_gone_does_not_end_the_run(kind, caplog):
    console = terminal() if kind == "live" else Console(file=io.StringIO())
    reporter = LiveReporter(console, Glance()) if kind == "live" else PlainReporter(console)
    console.file.close()
    with caplog.at_level(logging.WARNING):
        reporter.on_start("orders-1", "quick", "s", 8)
        reporter.on_stage(1, "measure", "pair 1 of ≤16")
        reporter.on_verdict(1, KEEP.verdict)
        reporter.on_experiment(KEEP, KEEP)
        reporter.on_finish("interrupted", HISTORY, None)

    assert len(caplog.records) == 1
    assert "the run goes on" in caplog.text


def test_an_error_in_the_run_leaves_the_cursor_visible():
    script = """
import sys
from rich.console import Console
from autoopt.reporters.console import LiveReporter
from autoopt.reporters.live.glance import Glance
LiveReporter(Console(force_terminal=True), Glance()).on_start("r", "g", "s", None)
sys.exit("autoopt: branch moved")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout.rindex("\x1b[?25h") > done.stdout.rindex("\x1b[?25l")


def test_only_a_terminal_is_drawn_over_whatever_colours_are_forced_upon_a_pipe(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    pipe, dumb = Console(file=io.StringIO()), Console(file=Terminal(), _environ={"TERM": "dumb"})
    reporter = PlainReporter(pipe)
    reporter.on_experiment(KEEP, KEEP)

    assert redraws(terminal()) and not redraws(pipe) and not redraws(dumb)
    assert isinstance(reporter_for(pipe, GLANCE), PlainReporter)
    assert "\x1b[" in pipe.file.getvalue()  # colours are what was asked for
    assert "\x1b[?25l" not in pipe.file.getvalue()


@pytest.mark.parametrize(
    ("typed", "allowed"), [("y\n", True), ("yes\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_a_question_is_answered_at_the_terminal_between_two_redraws(typed, allowed, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, typed.encode())
    console = terminal(80)
    live = LiveReporter(console, Glance())
    live.on_start("orders-1", "quick", "s", 8)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert live.ask("search the web for 'fast joins'?", patience_s=5 if typed else 0.05) is allowed
    live.close()
    os.close(writing)

    assert "search the web for 'fast joins'?" in console.file.getvalue()


def test_the_status_file_says_what_the_journal_does_not_and_goes_with_the_run(tmp_path):
    path = tmp_path / "now.json"
    teller = StatusFile(path, lambda: 12.5)
    teller.on_start("r", "g", "s", 3)
    teller.on_stage(2, "measure", "pair 2 of ≤16")
    teller.on_verdict(2, KEEP.verdict)
    teller.on_note(2, "x" * 5000)
    now = status.read(path)

    assert (now.pid, now.worked_s, now.stage.detail) == (os.getpid(), 12.5, "pair 2 of ≤16")
    assert now.stage.verdict == KEEP.verdict
    assert [(note.place, len(note.text)) for note in now.notes] == [(1, 1000)]
    for _ in range(5):
        teller.on_note(2, "\U0001f980" * 2000)
    assert [len(note.text) for note in status.read(path).notes] == [1000] * 5

    path.write_text("{")
    assert status.read(path) is None
    (tmp_path / "taken").mkdir()
    StatusFile(tmp_path / "taken", lambda: 1.0).on_stage(1, "measure", "")  # as on a disk that is full
    assert sorted(left.name for left in tmp_path.iterdir()) == ["now.json", "taken"]
    teller.on_finish("spent", HISTORY, None)
    assert not path.exists() and status.read(path) is None


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {})


def test_a_run_that_is_over_is_shown_and_not_waited_for(project, capsys):
    Kept(steps=[Step(description="a", files={"src/a/n": "1\n"})]).make(project)
    code, out, _ = project.run(capsys, "show", "r", "--follow")

    assert code == 0
    assert out.startswith("the budget is spent\n")
    assert "22.8 % faster" in out


def test_a_run_is_followed_line_by_line_until_it_is_killed(project):
    Kept(steps=[Step(description="a", files={"src/a/n": "1\n"})], claim=None).make(project)
    (path,) = project.state.glob("autoopt/*/r/journal.jsonl")
    files, record = RunFiles(path.parent), Journal(path)
    record.begin(2, "0" * 40, "b")
    with journal.held(files.state):
        teller = StatusFile(files.now, lambda: 1.0)
        teller.on_stage(2, "ask", "")
        follower = project.begin("show", "r", "--follow")
        first = [follower.stdout.readline() for _ in range(2)]
        record.decided(replace(CRASH, number=2))
        record.done(2)
        teller.on_note(3, "look at this")
        heard = follower.stdout.readline() + follower.stdout.readline()
    rest = follower.stdout.read()

    assert "run r: Make the queries faster" in first[1]
    assert re.search(r"^\d\d:\d\d:\d\d #2 crash  exit code 1  no journal$", heard, re.M)
    assert "#3 … look at this" in heard
    assert "ended: nobody works on r any more: its process was killed; autoopt resume r goes on" in rest
    assert follower.wait() == 0


class Impatient(watching.Follower):
    """Somebody who presses Ctrl-C instead of watching."""

    def look(self, *, last=False):
        if not last:
            raise KeyboardInterrupt
        super().look(last=True)


def kept(project, **options):
    """A run that lies there, as it is found."""
    Kept(steps=[Step(description="a", files={"src/a/n": "1\n"})], **options).make(project)
    (found,) = lookup.runs(project.environ, project.root)
    return found


def test_why_a_run_ended_is_shown_as_it_was_written_and_sends_nothing_to_the_terminal(project, capsys):
    found = kept(project)
    Journal(found.files.journal).stop("error: [/red] \x1b[31m\x1b]0;title\x07gone")
    code, out, err = project.run(capsys, "show", "r", "--follow")

    assert code == 0, err
    assert out.startswith("error: [/red] gone")
    assert "\x1b" not in out


def test_a_run_on_another_machine_is_not_called_dead(project, capsys):
    found = kept(project, claim=None)
    Journal(found.files.journal).begin(2, "0" * 40, "b")
    mark = {"commit": "", "host": "\x1b[31mbox7", "sent": int(time.time())}
    (found.files.state / returned.MARK).write_text(json.dumps(mark))
    code, out, err = project.run(capsys, "show", "r", "--follow")

    assert code == 0, err
    assert out.startswith("r works on box7, sent just now; autoopt runs --fetch asks for what is new\n")


def test_a_run_whose_try_is_over_is_watched_on(project):
    found, console = kept(project, claim=None), Console(file=io.StringIO())
    Journal(found.files.journal).begin(2, "0" * 40, "b")
    with journal.held(found.files.state):
        follower = Impatient(found, lookup.settings(found), console)
    Journal(found.files.journal).stop(lookup.WAITING)

    assert not watching._followed(found, follower)
    assert console.file.getvalue().endswith("not watched any more; the run goes on\n")


def test_a_run_that_is_being_made_is_waited_for(project):
    found, console = kept(project), Console(file=io.StringIO(), width=100)
    aside = found.files.journal.rename(found.files.state / "later")
    with journal.held(found.files.state), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(watching._await_journal, found, console)
        while "r is being made" not in console.file.getvalue():
            time.sleep(0.01)
        assert not waiting.done()
        aside.rename(found.files.journal)
        waiting.result(10)


def test_records_that_are_damaged_meanwhile_end_the_watching_of_that_run_alone(project):
    found, console, other = kept(project), terminal(), Console(file=io.StringIO())
    with journal.held(found.files.state):
        follower = watching.Follower(found, lookup.settings(found), console)
        assert not watching._followed(found, Impatient(found, lookup.settings(found), other))
        with found.files.journal.open("a") as damaged:
            damaged.write("garbage\nmore\n")
        with pytest.raises(DamagedStateError):
            watching._followed(found, follower)
    seen = watching._Seen(found)
    seen.look()

    assert other.file.getvalue().endswith("not watched any more; the run goes on\n")
    assert console.file.getvalue().rstrip().endswith("not watched any more")
    assert console.file.getvalue().count("\x1b[?25h") == 1  # the cursor is back before the error is told
    assert overview([seen.glance], Size(80, 7), 1.0)[0].plain == (
        "r  its records do not add up: autoopt show tells more"
    )


@pytest.mark.parametrize("words", [["r", "1", "--follow"], ["r", "--follow", "--json"]])
def test_only_a_whole_run_can_be_followed(project, capsys, words):
    Kept(steps=[]).make(project)

    code, _, err = project.run(capsys, "show", *words)
    assert code == 2 and "write `autoopt show RUN --follow`" in err
