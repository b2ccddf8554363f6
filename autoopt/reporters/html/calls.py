"""What agents were asked for an experiment, what they answered, and what that took."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.records import Call, Experiment
from autoopt.reporters import words
from autoopt.reporters.account import Account
from autoopt.reporters.html.elements import Html, element, joined


def listed(experiment: Experiment, account: Account) -> Html | None:
    """Every call for this experiment, each opening to its prompt and answer; None where nobody was asked."""
    found = [call for call in account.calls if call.number == experiment.number]
    return joined(*(_call(call, account) for call in found)) if found else None


def _call(call: Call, account: Account) -> Html:
    told = (words.usage(call.usage), words.duration(call.usage.seconds) if call.usage.seconds else "")
    cut = "" if call.complete else "cut short"
    took = ", ".join(filter(None, (*told, cut)))
    named = element("span", " by ".join(filter(None, (call.stage, words.one_line(call.agent)))))
    head = element("summary", named, element("span", took, class_="took"))
    return element("details", head, *_texts(call, account), class_="call")


def _texts(call: Call, account: Account) -> Iterator[Html]:
    told = account.transcripts.get(call.transcript)
    if told is None:
        yield element(
            "p", f"Its text is not in this page: prompts/{words.one_line(call.transcript)}.prompt.md"
        )
        return
    for heading, said in (("Asked", told.prompt), ("Answered", told.answer)):
        if said.strip():
            yield element("h4", heading)
            yield element("pre", words.lines(said).strip("\n"))
