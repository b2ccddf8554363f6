"""The MCP server's tools: each is one `autoopt ... --json`, run as a process of its own.

So nothing but the protocol can get onto standard output, a cancelled call ends as Ctrl-C ends it, and the
agent is told exactly what a person at the command line is told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from subprocess import DEVNULL, PIPE
from typing import Annotated, Any

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from autoopt import __version__
from autoopt.compose import refusals

INSTRUCTIONS = """\
autoopt makes one number of a repository better, one measured commit at a time. Call `start` once (or take
an existing run), then repeat: `brief`, edit files in the desk directory it names (never commit there), `try`
with one hypothesis. autoopt measures, inspects and decides; never report a number that it did not return.
At the end call `report` with confirm=true. Where something is not trusted, a person has to run the command
that autoopt names; do not run it yourself.
"""
_PATIENCE_S = 20.0  # for a cancelled command to put everything in order

Run = Annotated[
    str,
    Field(
        description="The run's id or the start of one; the latest run of the repository by default.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",  # anything else could be an option: verdict.keep=0.51
    ),
]


def serve(environ: Mapping[str, str]) -> None:
    """Serve the tools on standard input and output until the client leaves."""
    server = MCPServer("autoopt", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    tools = _Tools(dict(environ))
    offered: dict[str, Callable[..., Any]] = {
        "start": tools.start,
        "brief": tools.brief,
        "try": tools.attempt,
        "status": tools.status,
        "report": tools.report,
    }
    for name, tool in offered.items():
        server.add_tool(tool, name=name)
    server.run("stdio")


class _Tools:
    """What an agent may call; the docstrings are what it reads of each."""

    def __init__(self, environ: dict[str, str]) -> None:
        """`environ` is what the commands get."""
        self._environ = environ

    async def start(
        self,
        ctx: Context,
        recipe: Annotated[str, Field(description="A recipe's name, as `autoopt recipes` lists them.")] = "",
        scope: Annotated[
            list[str] | None, Field(description="Paths or globs of the files that may be edited.")
        ] = None,
        settings: Annotated[
            list[str] | None,
            Field(
                description="Further settings as on the command line, one key=value each, for example "
                "'metric.command=python bench.py', 'metric.extract.kind=wall', 'budget.experiments=10', "
                "'guards.tests.command=python -m pytest -q', 'options.NAME=VALUE' for a recipe's own options."
            ),
        ] = None,
    ) -> dict[str, Any]:
        """Start a run: make its branch and its desk, measure the baseline, check the guards.

        Returns the run's id, the desk (the directory to edit files in), the scope, the baseline and the
        smallest gain that can be seen. Takes as long as several executions of the metric command.
        """
        if refused := refusals.of_agents(settings or []):
            raise ToolError(refused)
        words = [f"recipe={recipe}"] if recipe else []
        words += [f"scope=[{','.join(map(_quoted, scope))}]"] if scope else []
        return await self._json(ctx, "start", *words, *(settings or []))

    async def brief(self, ctx: Context, run: Run = "last") -> dict[str, Any]:
        """What is known before the next experiment; changes nothing.

        Goal, scope, constraints, the desk and what is edited in it, where the time goes (profile), every
        experiment so far with its verdict, and what the streaks suggest (advice, step).
        """
        return await self._json(ctx, "brief", run)

    async def attempt(
        self,
        ctx: Context,
        hypothesis: Annotated[
            str, Field(description="What should improve and why: 'X should improve Y because Z'.")
        ],
        description: Annotated[str, Field(description="What the diff does, in one line.")] = "",
        area: Annotated[str, Field(description="The part of the code it touches, in a word or two.")] = "",
        simplify: Annotated[
            bool, Field(description="Whether it is meant to hold the metric with less code, not to gain.")
        ] = False,
        run: Run = "last",
    ) -> dict[str, Any]:
        """Measure and judge what is edited in the desk as one experiment, against the best commit so far.

        Edit first, one idea at a time. What is better and passes the guards is kept and becomes what the next
        experiment starts from; anything else is put back. An edit that cannot be tried (nothing changed, a
        file out of scope) is refused and stays in the desk. Can take minutes.
        """
        words = [f"--hypothesis={hypothesis}", f"--description={description}", f"--area={area}"]
        return await self._json(ctx, "try", run, *words, *(["--simplify"] if simplify else []))

    async def status(self, ctx: Context, run: Run = "last") -> dict[str, Any]:
        """Where a run stands: state, baseline, incumbent, budget left, every experiment with its verdict."""
        return await self._json(ctx, "show", run)

    async def report(
        self,
        ctx: Context,
        run: Run = "last",
        confirm: Annotated[
            bool,
            Field(
                description="First measure fresh pairs of baseline against final, the only number that may "
                "be claimed for the whole run. Do it once, at the end."
            ),
        ] = False,
    ) -> str:
        """The report of a run for a reviewer, as Markdown."""
        return await self._autoopt(ctx, "report", run, *(["--confirm"] if confirm else []))

    async def _json(self, ctx: Context, command: str, *words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self._autoopt(ctx, command, *words, "--json"))
        return answer

    async def _autoopt(self, ctx: Context, *words: str) -> str:
        """What the command prints; its progress is passed on.

        Raises:
            ToolError: it failed; what it said.
        """
        # -P: a directory called autoopt where the server was started is not this program.
        command = [sys.executable, "-P", "-m", "autoopt", *words]
        process = await anyio.open_process(
            command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=self._environ
        )
        async with process:
            try:
                return await _listen(process, ctx)
            finally:
                await _end(process)


async def _listen(process: Process, ctx: Context) -> str:
    """Both outputs to their ends, each line of standard error as progress."""
    stdout, stderr = process.stdout, process.stderr
    assert stdout is not None and stderr is not None
    printed, said = list[str](), list[str]()

    async def read() -> None:
        printed.extend([text async for text in TextReceiveStream(stdout, errors="replace")])

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        rest = ""
        async for text in TextReceiveStream(stderr, errors="replace"):
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                said.append(line)
                await ctx.report_progress(len(said), message=line)
        said.append(rest)
    if await process.wait():
        raise ToolError(_complaint(said) or f"autoopt ended with exit code {process.returncode}")
    return "".join(printed)


def _complaint(said: list[str]) -> str:
    """What the command said from the line with its error on."""
    first = next((place for place, line in enumerate(said) if line.startswith("autoopt: ")), 0)
    return "\n".join(said[first:]).strip()


async def _end(process: Process) -> None:
    """End the command, if it has not ended: first as Ctrl-C would, so that it leaves all in order."""
    if process.returncode is not None:
        return
    with anyio.CancelScope(shield=True):
        process.terminate()
        with anyio.move_on_after(_PATIENCE_S):
            await process.wait()
            return
        process.kill()


def _quoted(text: str) -> str:
    """Text as an item of a list on the command line."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
