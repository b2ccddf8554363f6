"""Ideas and edits by a coding agent: think, score, reflect, then edit the desk.

What it answers is checked, not trusted: ideas that lack a mechanism, an assumption or a risk, or that score
too little, are sent back. The edit is whatever differs in the desk afterwards, so proposals carry no edits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from autoopt.agents import json_answers, thoughts
from autoopt.agents.agent import Agent, Reply
from autoopt.agents.briefing import brief_data
from autoopt.agents.fences import fence, one_line
from autoopt.agents.notebook import Notebook
from autoopt.agents.prompts import Prompts
from autoopt.agents.thoughts import Answer, Idea
from autoopt.errors import AgentError, BudgetSpentError
from autoopt.records import Brief, Claim, Experiment, Failure, Proposal
from autoopt.schema import AgentIdeasConfig
from autoopt.think import Step
from autoopt.walking import walk

SOURCE = "agent"
_DESCRIPTION = 100  # characters of a description, sources not counted
_TAIL = 50  # last lines of a failure's output that a repair is shown
_UNUSABLE = 2  # answers in a row that give nothing, after which this ask is given up
_GAIN = re.compile(
    r"[\s,;:(–-]*(?:\b(?:by|about|roughly|up to)\s+|~\s*)*\d[\d.,]*\s*(?:%|x\b|×|times\b)\s*"
    r"(?:faster|slower|quicker|better|speed-?up|less time|fewer \w+)\)?",
    re.IGNORECASE,
)

Files = dict[str, tuple[int, int, int]]


class AgentProposer:
    """Proposes what an agent thinks of and edits; implements `protocols.Proposer`."""

    def __init__(
        self,
        agent: Agent,
        prompts: Prompts,
        config: AgentIdeasConfig,
        notebook: Notebook,
        *,
        tidy: Callable[[], None],
        asker: Callable[[str], bool] | None,
        progress: Callable[[int, str], None] = lambda number, detail: None,
        note: Callable[[int, str], None] = lambda number, text: None,
        reclaim: Callable[[], str | None] = lambda: None,
        lent: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Ask `agent` with `prompts`.

        Args:
            notebook: Keeps the ideas that are not edited at once.
            tidy: Puts the desk back to the incumbent.
            asker: Asks a person whether a web query is allowed; None when nobody is there.
            progress: Told the experiment's number and, in a few words, what goes on.
            note: Told the experiment's number and why a call failed: a person may have to log in.
            reclaim: Takes back what was committed in the desk, whatever the prompt says; returns the commit.
            lent: The time in which the desk is in the agent's hands.
        """
        self._agent = agent
        self._prompts = prompts
        self._config = config
        self._notebook = notebook
        self._tidy = tidy
        self._asker = asker
        self._progress = progress
        self._note = note
        self._reclaim = reclaim
        self._lent = lent
        self._brief: Brief | None = None
        self._chosen = ""
        self._given_up: set[str] = set()
        self._answered: dict[str, bool] = {}

    def ask(self, brief: Brief) -> Proposal | None:
        """The best idea, edited in the desk; None when the agent has none that is good enough or fails.

        Raises:
            BudgetSpentError: the next call could exceed the budget.
            AgentError: it did not answer at all.
            UsageError: a template is not right.
        """
        again = self._brief is not None and self._brief.number == brief.number
        if again:
            self._given_up.add(self._chosen)  # what was proposed for this number is not wanted
        self._brief, self._chosen = brief, ""
        if brief.step == Step.simplify:
            return None if again else self._simplified(brief)
        idea = self._best(brief, self._notebook.untried(brief.incumbent, brief.history)) or self._think(brief)
        return None if idea is None else self._edited(brief, idea)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """The same idea, mended by the agent in the desk; None when it gave up or changed nothing."""
        brief = self._brief
        if brief is None:
            return None
        self._progress(brief.number, f"mending: {failure.reason}")
        tail = "\n".join([*failure.tail.splitlines()[-_TAIL:], failure.reason])
        data = {"claim": fence(_claim(proposal), "claim"), "failure": fence(tail, "output")}
        before = _files(brief.desk)
        try:
            reply = self._call(brief, "repair", data, edits=True, web=False)
        except BudgetSpentError:
            return None
        if isinstance(reply, Failure):
            self._note(brief.number, reply.reason)
            self._tidy()  # half a repair is nobody's edit
            return None
        if _files(brief.desk) == before:
            return None
        if "give_up" in _answer(reply.text, "give_up", "description"):
            self._tidy()
            return None
        said = _description(reply.text)
        return replace(proposal, description=said + _cited(proposal)) if said else proposal

    def tell(self, experiment: Experiment) -> None:
        """Nothing to learn here: every brief holds the whole history."""

    def _think(self, brief: Brief) -> Idea | None:
        """The best new idea; sends back what cannot be used, within bounds."""
        talk = _Talk(web=brief.task.web_search == "yes")
        while talk.unusable < _UNUSABLE and talk.sent_back <= self._config.rounds:
            self._progress(brief.number, "thinking" if talk.stage == "think" else "thinking again")
            reply = self._call(brief, talk.stage, self._thinking_data(talk), edits=False, web=talk.web)
            self._tidy()  # it was not to edit yet
            if isinstance(reply, Failure):
                self._note(brief.number, reply.reason)
                talk.failed(reply.reason)
                if reply.timeout:
                    break
                continue
            answer = _honest(thoughts.parse(reply.text), talk.web)
            if answer.queries and self._search(brief, talk, answer):
                continue
            self._notebook.remember(brief.incumbent, answer.ideas)
            if best := self._best(brief, answer.ideas):
                return best
            talk.send_back(reply.text, answer, self._objections(brief, answer))
        if talk.unanswered == _UNUSABLE:
            raise AgentError(
                f"the agent failed {_UNUSABLE} times in a row, the last time with {talk.failure}"
            )
        return None

    def _thinking_data(self, talk: _Talk) -> dict[str, object]:
        return {
            "count": self._config.hypotheses,
            "min_score": self._config.min_score,
            "answer": fence(talk.answer, "your last answer") if talk.answer else "",
            "objections": fence("\n".join(talk.objections), "objections") if talk.objections else "",
            "allowed": talk.allowed,
            "refused": talk.refused,
        }

    def _search(self, brief: Brief, talk: _Talk, answer: Answer) -> bool:
        """Put queries to the person, once; whether to think again with what was said."""
        if brief.task.web_search != "ask" or talk.searched:
            return False
        talk.searched = True
        for query in answer.queries:
            if query not in self._answered:
                self._answered[query] = self._asker is not None and self._asker(query)
            (talk.allowed if self._answered[query] else talk.refused).append(query)
        talk.web = bool(talk.allowed)
        self._notebook.remember(brief.incumbent, answer.ideas)
        return bool(talk.allowed) or self._best(brief, answer.ideas) is None

    def _best(self, brief: Brief, ideas: Sequence[Idea]) -> Idea | None:
        """The first of those with the highest score, when it scores enough."""
        fresh = [idea for idea in ideas if idea.hypothesis not in self._given_up | _tried(brief)]
        best = max(fresh, key=lambda idea: idea.thought(brief.tried).score, default=None)
        if best is None or not _enough(best, brief, self._config.min_score):
            return None
        return best

    def _objections(self, brief: Brief, answer: Answer) -> list[str]:
        return [*answer.objections, *(self._too_low(brief, idea) for idea in answer.ideas)]

    def _too_low(self, brief: Brief, idea: Idea) -> str:
        thought = idea.thought(brief.tried)
        line = (
            f'"{idea.hypothesis}": {thought.score:.1f} of at least {self._config.min_score:g} '
            f"(impact {thought.impact}, feasibility {thought.feasibility}, novelty {thought.novelty}"
        )
        like = thoughts.nearest(idea, brief.tried)[1]
        if thought.newness < thought.novelty and like is not None:
            like_it = f"{'imported ' if isinstance(like, Claim) else ''}experiment {like.number}"
            line += f", {thought.newness} against the journal: it is much like {like_it}"
        return line + ")"

    def _edited(self, brief: Brief, idea: Idea) -> Proposal | None:
        """The idea carried out in the desk."""
        self._chosen = idea.hypothesis
        self._progress(brief.number, f"editing: {idea.hypothesis}")
        data: dict[str, object] = {
            "idea": {name: getattr(idea, name) for name in ("hypothesis", "area", "assumption", "risk")}
        }
        web = brief.task.web_search == "yes"
        made = self._edit(brief, "edit", data, web)
        if made is None:
            self._given_up.add(idea.hypothesis)
            return None
        said, changed = made
        thought = idea.thought(brief.tried)
        if web:
            read = thoughts.sources(_answer(said, "description").get("sources"))
            thought = replace(thought, sources=tuple(dict.fromkeys((*thought.sources, *read))))
        proposal = Proposal(
            description=_description(said) or _fallback(changed, idea.hypothesis),
            hypothesis=idea.hypothesis,
            area=idea.area,
            source=SOURCE,
            thought=thought,
        )
        return replace(proposal, description=proposal.description + _cited(proposal))

    def _simplified(self, brief: Brief) -> Proposal | None:
        """Less code for the same number, found and edited in one call."""
        self._progress(brief.number, "simplifying")
        made = self._edit(brief, "simplify", {}, web=False)
        if made is None:
            return None
        said, changed = made
        where = ", ".join(changed) or "the scope"
        answer = _answer(said, "description", "hypothesis")
        return Proposal(
            description=_description(said) or _fallback(changed, "less code"),
            hypothesis=_said(answer, "hypothesis", 500)
            or f"Less code in {where} should hold the metric because it does the same work",
            area=_said(answer, "area", 60) or one_line(where, 60),
            source=SOURCE,
            simplifies=True,
        )

    def _edit(
        self, brief: Brief, stage: str, data: Mapping[str, object], web: bool
    ) -> tuple[str, list[str]] | None:
        """Let the agent edit; what it said and the files that changed. None after two failed calls."""
        before = _files(brief.desk)
        for _ in range(_UNUSABLE):
            reply = self._call(brief, stage, data, edits=True, web=web)
            if isinstance(reply, Reply):
                return reply.text, _changed(before, _files(brief.desk))
            self._tidy()
            self._note(brief.number, reply.reason)
            if reply.timeout:
                break
        return None

    def _call(
        self, brief: Brief, stage: str, data: Mapping[str, object], *, edits: bool, web: bool
    ) -> Reply | Failure:
        """Ask the agent once; ideas in mind are only shown where ideas are wanted."""
        in_mind = () if edits else self._notebook.untried(brief.incumbent, brief.history)
        prompt = self._prompts.render(
            stage, {**brief_data(brief, self._config.context_tokens, in_mind), **data}
        )
        try:
            with self._lent():
                return self._agent.call(
                    prompt, stage=stage, number=brief.number, cwd=brief.desk, edits=edits, web=web
                )
        finally:
            if taken := self._reclaim():
                said = f"the agent committed {taken[:12]} by itself; that is taken back, and its edits count"
                self._note(brief.number, said)


@dataclass(slots=True)
class _Talk:
    """How far thinking has come within one ask.

    Attributes:
        sent_back: How often usable ideas scored too little.
        unusable: Answers in a row without a usable idea, failed calls included.
        searched: Whether queries were put to the person already.
        unanswered: Calls that failed, without one that was answered among them.
        failure: Why the last one did.
    """

    web: bool
    stage: str = "think"
    sent_back: int = 0
    unusable: int = 0
    searched: bool = False
    unanswered: int = 0
    failure: str = ""
    answer: str = ""
    objections: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def failed(self, reason: str) -> None:
        """The call brought no answer; the same is asked again."""
        self.unusable += 1
        self.unanswered += 1
        self.failure = reason

    def send_back(self, text: str, answer: Answer, objections: list[str]) -> None:
        """Ask for something better, with the reasons."""
        self.unanswered = 0
        self.stage = "review"
        self.answer = text if len(text) <= 8000 else "[...]" + text[-8000:]
        self.objections = objections
        if answer.ideas:
            self.sent_back, self.unusable = self.sent_back + 1, 0
        else:
            self.unusable += 1


def _honest(answer: Answer, web: bool) -> Answer:
    """The answer without pages that nobody can have read."""
    return answer if web else replace(answer, ideas=tuple(replace(idea, sources=()) for idea in answer.ideas))


def _enough(idea: Idea, brief: Brief, min_score: float) -> bool:
    """Whether the idea scores enough; the first experiment of a run may be anything."""
    first = not any(past.is_try for past in brief.tried)
    return first or idea.thought(brief.tried).score >= min_score


def _tried(brief: Brief) -> set[str]:
    return {past.hypothesis for past in brief.tried}


def _answer(text: str, *names: str) -> dict[str, object]:
    """The last JSON object in the text that has one of these names."""
    found = (value for value in json_answers.values(text) if isinstance(value, dict))
    return next((value for value in found if any(name in value for name in names)), {})


def _said(answer: Mapping[str, object], name: str, limit: int) -> str:
    value = answer.get(name)
    return one_line(value, limit) if isinstance(value, str) else ""


def _description(text: str) -> str:
    """What the agent says the diff does, without gains nobody has measured; may be empty."""
    said = _GAIN.sub("", _said(_answer(text, "description"), "description", 300)).strip(" ,;:.–-")
    return one_line(said.removeprefix("experiment: "), _DESCRIPTION)


def _fallback(changed: Sequence[str], idea: str) -> str:
    """A description for an agent that gave none."""
    names = ", ".join(changed[:2]) + (f" and {len(changed) - 2} more" if len(changed) > 2 else "")
    return one_line(f"edit {names or 'nothing'}: {idea}", _DESCRIPTION)


def _cited(proposal: Proposal) -> str:
    return "".join(f" [{page}]" for page in (proposal.thought.sources if proposal.thought else ()))


def _claim(proposal: Proposal) -> str:
    return f"{proposal.description}\n{proposal.hypothesis}"


def _files(desk: Path) -> Files:
    """What tells whether a file was written: size, time and inode of each, links not followed."""
    found: Files = {}
    for folder, folders, names in walk(desk):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        for name in names:
            path = Path(folder, name)
            if name != ".git":
                seen = path.lstat()
                found[path.relative_to(desk).as_posix()] = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return found


def _changed(before: Files, after: Files) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
