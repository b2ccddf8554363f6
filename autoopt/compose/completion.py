"""Shell completion: Hydra's own, given a command line it can work with.

Hydra splits the line at blanks and reads every earlier word by its grammar, so that one quoted command
before the cursor ends all suggestions. Only the choice of recipe matters for what can come next.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from autoopt.compose import overrides, shape
from autoopt.compose.offers import Offer

SCRIPT = r"""_autoopt_completion() {
    local word=${COMP_WORDS[COMP_CWORD]} IFS=$' \n' one
    local -a found=()
    read -r -d '' -a found < <(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT "$1" -sc query=bash 2>/dev/null)
    COMPREPLY=()
    for one in "${found[@]}"; do  # not compgen -W, which would run what a name of a stranger's recipe says
        [[ $one == "$word"* ]] && COMPREPLY+=("$one")
    done
    if [[ ${#COMPREPLY[@]} == 0 && $word == *=* ]]; then
        IFS=$'\n'
        COMPREPLY=($(compgen -P "${word%%=*}=" -f -- "${word#*=}"))
    fi
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _autoopt_completion autoopt
"""
"""What bash evaluates. Hydra's own splits the line at blanks too and completes the wrong word."""

_CHOICE = re.compile(r"recipe(?:/[\w./-]+)?=[\w./-]+")


def is_asked(flags: Sequence[str]) -> bool:
    """Whether the command line is about completion at all."""
    return any(flag in ("-sc", "--shell-completion") for flag in flags)


def is_question(given: Sequence[str]) -> bool:
    """Whether a shell asks what could come next."""
    return any(word.startswith("query=") for word in given)


def harmless(said: str) -> list[str]:
    """The words of an answer that a shell can take as they are; a stranger's recipe may name commands."""
    return [word for word in said.split() if Offer(word).is_harmless]


def reduced(environ: Mapping[str, str]) -> str:
    """The line up to the cursor with only the words that matter: program, -m, recipes and the last word."""
    line = os.fsencode(environ.get("COMP_LINE") or "autoopt ")
    words = os.fsdecode(line[: int(environ.get("COMP_POINT") or len(line))]).split(" ")
    program, *before, last = words if len(words) > 1 else [*words, ""]
    kept = [overrides.mend(word) for word in before if _CHOICE.fullmatch(word)]
    multirun = [word for word in before if word in ("-m", "--multirun")][:1]
    return " ".join([program, *multirun, *kept, last])


def choices(line: str, agents: Sequence[str]) -> list[str]:
    """Complete words where every value is known; Hydra would offer the present one only."""
    key, equals, begun = line.rpartition(" ")[2].partition("=")
    known = list(agents) if key in ("agent", "inspector") else shape.choices(tuple(key.split(".")))
    values = known if equals else []
    return [f"{key}={value}" for value in values if value.startswith(begun)]
