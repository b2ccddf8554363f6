"""What agents say of their ideas, and what asking them takes."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What an agent said of an idea before anything was edited.

    Attributes:
        impact, feasibility, novelty: The agent's own scores, 1 to 10.
        newness: Novelty worked out from the journal, 1 (tried before) to 10 (nothing like it was tried).
        assumption: What has to hold for the idea to work.
        risk: What could go wrong that the metric would not show.
        sources: Where it was read, when the web was searched.
    """

    impact: int
    feasibility: int
    novelty: int
    newness: int
    assumption: str = ""
    risk: str = ""
    sources: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """The mean of the three scores; the agent's word on novelty counts no more than the journal's."""
        return (self.impact + self.feasibility + min(self.novelty, self.newness)) / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What calls of an agent took; adds up.

    Attributes:
        calls: How many there were.
        cost_usd: Their price in US dollars; 0 where the agent does not say and no price is known.
        input_tokens, output_tokens: As the agent reports them, cached input included.
        turns: Model turns.
        seconds: Wall seconds.
    """

    calls: int = 0
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an agent, as the journal remembers it.

    Attributes:
        number: The experiment it was for.
        stage: What it was asked for (think, edit, repair, inspect, simplify, review).
        agent: The agent's name.
        transcript: Stem of the files that hold the prompt and the answer, in the run's directory of prompts.
        usage: What it took, as far as it has said.
        complete: Whether it came to its end by itself; one that was ended may not have said what it took.
    """

    number: int
    stage: str
    agent: str
    transcript: str
    usage: Usage
    complete: bool = True
