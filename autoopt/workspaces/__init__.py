"""Workspaces: the run branch, the desk where proposals are edited and the bench where commits are measured.

The only package that imports dulwich.
"""

from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.repository import Repository, discover, exclude
from autoopt.workspaces.seed import init_repository
from autoopt.workspaces.undo import remove

__all__ = ["GitWorkspace", "Repository", "discover", "exclude", "init_repository", "remove"]
