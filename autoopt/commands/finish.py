"""`autoopt finish RUN [--commits HOW] [--onto BRANCH] [--name BRANCH] [--drop N]...`: make it ready to merge.

  --commits one     one commit with everything that was kept (the default)
  --commits each    one commit for each kept change
  --commits groups  a branch for each set of changes that has no file in common with the others
  --onto BRANCH     stand on that branch as it is now, instead of on the commit the run started from
  --name BRANCH     another name than autoresearch/RUN-final
  --drop N          leave the change of experiment N out, as often as wanted; --drop idle leaves out all that
                    no longer pay
  --unconfirmed     measure nothing, even where the gain was never confirmed; the messages claim none then

The result of the run goes onto a branch of its own, with messages that say what changed, why, and what it
brought. A merge into the branch that the run came from is tried in memory; conflicts are named. The text of
a pull request is written, and the commands that push, open and merge are printed. Nothing else is touched:
not your checkout, not your branches, not the run branch. The same again changes nothing. RUN is the latest
run by default.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.text import Text

from autoopt.commands.finishing import HOW, Finish, Made, Wanted, current_branch, trial
from autoopt.commands.holding import hold
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import AutooptError, BusyError, RepositoryError, UsageError
from autoopt.journal import Journal
from autoopt.reporters import account as accounts
from autoopt.reporters import pull_request, words
from autoopt.reporters.account import Account
from autoopt.workspaces.finishing import Finishing, Target
from autoopt.workspaces.remotes import Remote, remote_of


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Make the branches of a run's result."""
    wanted = _parsed(argv)
    found = find(runs(environ, Path.cwd()), wanted.run)
    _confirm(found, wanted, environ)
    with hold(found.files):
        config, record = settings(found), Journal(found.files.journal)
        account = account_of(config, record, found.layout)
        _check(account, record)
        finishing = Finishing(found.layout)
        try:
            made = Finish(finishing, found, account, wanted).made()
        finally:
            finishing.close()
    console = terminal(environ)
    for line in _told(made, account, found):
        console.print(line, soft_wrap=True)  # no break within a command that is to be pasted
    return 0


def _parsed(argv: Sequence[str]) -> Wanted:
    wanted, left, names = Wanted(), list(argv), []
    while left:
        word, is_given, value = left.pop(0).partition("=")
        if word in ("--commits", "--onto", "--name", "--drop"):
            if not is_given and not left:
                raise UsageError(f"{word} needs a value; autoopt finish --help says which.")
            _set(wanted, word, value if is_given else left.pop(0))
        elif word == "--unconfirmed" and not is_given:
            wanted.confirms = False
        elif word.startswith("-") or is_given:
            raise UsageError(f"{word}: finish has no such option; autoopt finish --help lists them.")
        else:
            names.append(word)
    if len(names) > 1:
        raise UsageError("finish takes one run; autoopt merge RUN RUN puts several together.")
    wanted.run = names[0] if names else "last"
    if wanted.run.startswith("autoresearch/merge-"):
        raise UsageError(
            f"{wanted.run}: a merge needs no finish; take it as autoopt merge has printed (git merge "
            "--squash makes one commit of it); its report is the text for a pull request."
        )
    return wanted


def _set(wanted: Wanted, option: str, value: str) -> None:
    if option == "--drop":
        wanted.drop += value.split(",")
        return
    if option == "--commits" and value not in HOW:
        raise UsageError(f"--commits is {value!r}; it is one of {', '.join(HOW)}.")
    if not value:
        raise UsageError(f"{option} is empty; autoopt finish --help says what it takes.")
    setattr(wanted, option.removeprefix("--"), value)


def _confirm(found: Found, wanted: Wanted, environ: Mapping[str, str]) -> None:
    """Measure the gain where something was kept and that was never done: messages want its numbers."""
    if not wanted.confirms:
        return
    from autoopt.commands.merge import confirm_once  # it brings all that measures

    try:
        confirm_once(found, environ)
    except BusyError:
        raise
    except AutooptError as error:
        raise type(error)(f"{error} Without its gain measured: add --unconfirmed.") from error


def _check(account: Account, record: Journal) -> None:
    """Refuse a run that has nothing to finish, or is in the middle of something.

    Raises:
        RepositoryError: saying what to do instead.
    """
    run = account.run_id
    if record.pending is not None and record.pending.decided is not None:
        raise RepositoryError(
            f"{run}: was interrupted while it put away experiment {record.pending.number}; autoopt "
            f"resume {run} does the rest."
        )
    if not account.steps:
        raise RepositoryError(
            f"{run}: kept nothing, so there is nothing to finish; autoopt clean {run} removes it."
        )


# -- telling


def _told(made: Sequence[Made], account: Account, found: Found) -> Iterator[Text]:
    """What was made, and what to do with it, line by line."""
    yield Text(accounts.headline(account), style="bold")
    for one in made:
        yield Text(f"\n{one.branch}", style="bold")
        yield from (Text(f"  {line}") for line in _about(one, account))
    yield Text("\nNext", style="bold")
    yield from (Text(f"  {line}") for line in _next(made, account, found))


def _about(made: Made, account: Account) -> Iterator[str]:
    several = words.count(made.commits, "commit") if made.commits > 1 else ""
    yield f"{made.commit[:12]} {several or pull_request.title(account, made.part)}"
    for change in made.part.changes:
        yield f"#{change.number} {words.one_line(change.description)} (+{change.added} −{change.removed})"
    if said := trial(made, account):
        yield said
    yield f"Text for a pull request: {made.text}"


def _next(made: Sequence[Made], account: Account, found: Found) -> Iterator[str]:
    """The commands that take it, as they can be pasted."""
    target = made[0].target
    remote = remote_of(Path(found.layout.control), target.name if target else None)
    start = target.tip if made[0].part.onto and target else account.base
    for one in made:
        yield f"git log --stat {start[:12]}..{_quoted(one.branch)}"
    if remote is not None:
        for one in made:
            yield from _offered(one, remote, account)
    if target is not None and target.is_local:
        yield from _taken(made, target, account, current_branch(found))
    for one in made:
        for path, todo in accounts.outside(account, one.part.changes):
            yield f"git show {_quoted(f'{one.branch}:{path}')}    # {todo}"
    yield f"git branch -D {' '.join(_quoted(one.branch) for one in made)}    # if it is not wanted after all"
    yield f"autoopt clean {_quoted(account.run_id)}"


def _offered(made: Made, remote: Remote, account: Account) -> Iterator[str]:
    """Pushing a branch, and asking for it to be merged."""
    branch, title = _quoted(made.branch), _quoted(pull_request.title(account, made.part))
    yield f"git push -u {_quoted(remote.name)} {branch}"
    base = made.target.name.removeprefix(f"{remote.name}/") if made.target else ""
    into, text = _quoted(base), _quoted(str(made.text))
    if base and remote.forge == "gh":
        yield f"gh pr create --base {into} --head {branch} --title {title} --body-file {text}"
    if base and remote.forge == "glab":
        yield (
            f"glab mr create --target-branch {into} --source-branch {branch} --title {title} "
            f'--description "$(cat {text})"'
        )


def _taken(made: Sequence[Made], target: Target, account: Account, current: str | None) -> Iterator[str]:
    """Merging the branches here; or making them again on a branch that has lost what they stand on."""
    if not (target.holds_base or made[0].part.onto):
        again = f"autoopt finish {_quoted(account.run_id)} --onto {_quoted(target.name)}"
        yield f"git branch -D {' '.join(_quoted(one.branch) for one in made)} && {again}"
        return
    if current == f"autoresearch/{account.run_id}":  # in place, and killed
        yield f"autoopt resume {_quoted(account.run_id)}    # gives your checkout back, which it still has"
    if current != target.name:
        yield f"git switch {_quoted(target.name)}"
    alone = len(made) == 1 and (bool(made[0].part.onto) or target.tip == account.base)
    for one in made:
        hint = "    # and resolve what is named above" if one.conflicts else ""
        yield f"git merge {'--ff-only ' if alone else ''}{_quoted(one.branch)}{hint}"


def _quoted(word: str) -> str:
    return shlex.quote(word)
