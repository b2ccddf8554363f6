"""The MCP server, driven by a real client over standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="mcp 2 is not installed: pip install 'autoopt[mcp]'")

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

Session = Callable[[Client], Awaitable[None]]
SETTINGS = [
    "run_id=r1",
    "goal=Make it smaller",
    "metric.command=wc -c work.txt",
    "metric.extract.kind=regex",
    r"metric.extract.pattern=(\d+)",
    "metric.warmups=0",
    "metric.baseline_samples=2",
    "guards.a.command=grep -q a work.txt",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    root.mkdir()
    (root / "work.txt").write_text("aaaaaaaaa\nbbbbbbbbb\n")
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def talk(root: Path, session: Session, errors: Path) -> None:
    """Hold a session with a server that was started in the repository."""
    environ = {"XDG_STATE_HOME": str(root.parent / "state"), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "autoopt", "mcp"], env=environ, cwd=root
    )

    async def hold() -> None:
        with errors.open("w") as log:
            async with Client(stdio_client(parameters, errlog=log)) as client:
                await session(client)

    anyio.run(hold)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers; its own words when it refuses."""
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content)
    if result.is_error:
        return text
    return text if tool == "report" else json.loads(text)


def test_an_agent_drives_a_run_from_start_to_report(root: Path, tmp_path: Path) -> None:
    told: dict[str, Any] = {}
    progress: list[str | None] = []

    async def heard(_done: float, _total: float | None, message: str | None) -> None:
        progress.append(message)

    async def session(client: Client) -> None:
        told["tools"] = (await client.list_tools()).tools
        told["start"] = await call(client, "start", scope=["work.txt"], settings=SETTINGS)
        told["brief"] = await call(client, "brief")
        desk = Path(told["start"]["desk"])
        told["early"] = await call(client, "try", hypothesis="Nothing should improve because nothing changed")
        (desk / "work.txt").write_text("aaa\n")
        arguments = {"hypothesis": 'It\'s "less" = smaller because $HOME, --json', "description": "cut it"}
        result = await client.call_tool("try", arguments, progress_callback=heard)
        told["try"] = result.structured_content
        (desk / "work.txt").write_text("bbbbbb\n")
        told["loss"] = await call(
            client, "try", hypothesis="More should be smaller because it is not", run="r1"
        )
        told["status"] = await call(client, "status")
        told["report"] = await call(client, "report", confirm=True)

    talk(root, session, tmp_path / "errors")

    assert [tool.name for tool in told["tools"]] == ["start", "brief", "try", "status", "report"]
    assert all(tool.description for tool in told["tools"])
    assert told["start"]["baseline"] == 20
    assert told["brief"]["files"] == ["work.txt"]
    assert "nothing is edited" in told["early"]
    assert told["try"]["status"] == "keep"
    assert told["try"]["description"] == "cut it"
    assert told["try"]["hypothesis"] == 'It\'s "less" = smaller because $HOME, --json'
    assert any("#1 measure" in (line or "") for line in progress)
    assert told["loss"]["status"] == "discard"
    assert told["status"]["incumbent"]["value"] == 4
    assert [one["status"] for one in told["status"]["experiments"]] == ["keep", "discard"]
    assert "80.0 % lower" in told["report"]


def test_a_run_cannot_be_named_so_that_it_changes_an_option(root: Path, tmp_path: Path) -> None:
    told: list[str] = []

    async def session(client: Client) -> None:
        await call(client, "start", scope=["work.txt"], settings=SETTINGS)
        for run in ("verdict.keep=0.51", "--simplify"):
            told.append(await call(client, "try", hypothesis="X should improve Y because Z", run=run))

    talk(root, session, tmp_path / "errors")

    assert all("pattern" in text for text in told)


def test_what_the_command_line_refuses_is_a_tools_error(root: Path, tmp_path: Path) -> None:
    told: list[str] = []

    async def session(client: Client) -> None:
        told.append(await call(client, "start", recipe="nosuch"))
        told.append(await call(client, "status"))
        for word in (
            "sandbox=none",
            "++workspace={allow_new: ['*']}",
            "metric.pass_env=[HOME]",
            "repo=ssh://h/p",
        ):
            told.append(await call(client, "start", scope=["work.txt"], settings=[*SETTINGS, word]))
        recipes = root / ".autoopt" / "recipes"
        recipes.mkdir(parents=True)
        (recipes / "theirs.yaml").write_text("metric: {command: wc -c work.txt}")
        told.append(await call(client, "start", recipe="theirs", scope=["work.txt"]))

    talk(root, session, tmp_path / "errors")

    assert "nosuch" in told[0]
    assert "there are no runs here yet" in told[1]
    assert all("only a person can set this" in text for text in told[2:6])
    assert "autoopt recipes trust theirs" in told[6] and not (root.parent / "state").exists()


def test_a_client_that_leaves_ends_what_was_going_on(root: Path, tmp_path: Path) -> None:
    settings = [word for word in SETTINGS if not word.startswith("metric.command")]
    settings.append("metric.command=touch started; sleep 600")

    async def session(client: Client) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: call(client, "start", scope=["work.txt"], settings=settings))
            with anyio.fail_after(60):
                while not list((root.parent / "state").glob("autoopt/*/*/bench/*/tree/started")):
                    await anyio.sleep(0.05)
            group.cancel_scope.cancel()

    talk(root, session, tmp_path / "errors")

    deadline = anyio.run(_until_gone, root.parent / "state")
    assert deadline, "the run that was being started is still there"


async def _until_gone(state: Path) -> bool:
    with anyio.move_on_after(30):
        while any(state.glob("autoopt/*/r1")):
            await anyio.sleep(0.1)
        return True
    return False
