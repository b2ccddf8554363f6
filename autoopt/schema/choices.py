"""What options with a fixed choice of values may be (OmegaConf matches enums by member name)."""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """Which way the metric is better."""

    lower = "lower"
    higher = "higher"


class Extraction(Enum):
    """How the number is read from one execution of the metric command."""

    regex = "regex"
    line = "line"
    json = "json"
    named = "named"
    hyperfine = "hyperfine"
    pyperf = "pyperf"
    pytest_benchmark = "pytest_benchmark"
    asv = "asv"
    junit = "junit"
    coverage = "coverage"
    exit_code = "exit_code"
    wall = "wall"
    cpu = "cpu"
    peak_memory = "peak_memory"


class Stream(Enum):
    """Which output of the command is searched."""

    stdout = "stdout"
    stderr = "stderr"
    both = "both"


class LinkBy(Enum):
    """How checkouts are given untracked files and directories."""

    auto = "auto"
    copy = "copy"
    link = "link"


class DeskMode(Enum):
    """Where proposals are edited."""

    worktree = "worktree"
    inplace = "inplace"


class Patience(Enum):
    """How many pairs a challenger may cost before it is given up."""

    auto = "auto"
    quick = "quick"
    default = "default"
    patient = "patient"
    careful = "careful"


class Variation(Enum):
    """How a metric varies from run to run of one commit."""

    auto = "auto"
    none = "none"
    seed = "seed"
    noise = "noise"


class WebSearch(Enum):
    """Whether agents may search the web."""

    yes = "yes"
    ask = "ask"
    no = "no"


class Overlap(Enum):
    """Whether a run may edit files that another live run may edit too."""

    no = "no"
    race = "race"


class GuardKind(Enum):
    """What a guard does with its command."""

    command = "command"
    rows = "rows"
    inventory = "inventory"


class Sandbox(Enum):
    """How commands are kept from changing anything but their own files."""

    auto = "auto"
    strict = "strict"
    none = "none"


class Notice(Enum):
    """What somebody may want to be told of."""

    baseline = "baseline"
    keep = "keep"
    suspect = "suspect"
    crash = "crash"
    experiment = "experiment"
    end = "end"
