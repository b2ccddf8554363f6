"""`autoopt mcp`: an MCP server on standard input and output, with which an agent drives runs.

Tools: start, brief, try, status, report. Needs `pip install 'autoopt[mcp]'`. Tell the client to start the
command `autoopt mcp` in the directory of the project, as in `claude mcp add autoopt -- autoopt mcp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoopt.errors import UsageError


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until the client leaves; returns the exit code."""
    if argv:
        raise UsageError(
            f"mcp {' '.join(argv)}: takes no words; a client starts `autoopt mcp` and talks to it."
        )
    try:
        from autoopt.commands import mcp_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio"):
            raise
        raise UsageError("mcp needs the package mcp, version 2: pip install 'autoopt[mcp]'.") from error
    mcp_server.serve(environ)
    return 0
