"""Letting `repo` be a directory of this machine, also where an address was given."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf


def settle(composed: DictConfig, environ: Mapping[str, str]) -> None:
    """Let `repo` be a directory of this machine, also where it is an address: here the run will be."""
    raw = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(raw, dict)
    repo = raw["repo"]
    if isinstance(repo, str) and (place := settled(repo, environ)) != repo:
        composed.repo = place


def settled(repo: str, environ: Mapping[str, str]) -> str:
    """The directory that stands for the repository."""
    if ":" not in repo or "${" in repo:
        return repo
    from autoopt.workspaces import clones  # no address is given usually, and this takes a while

    return clones.settled(repo, environ)
