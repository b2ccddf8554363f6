"""No secret of the machine gets into the repository, a log, a report or a message."""

import base64
import json
import os
import subprocess
import sys

import pytest

from autoopt.errors import UsageError
from autoopt.secrets import PATTERNS, Secrets, gather

VALUE = "s3cr3t-value/+12"
TOKENS = {
    "GitHub token": f"ghp_{'a1B2' * 9}",
    "AWS key": "AKIAIOSFODNN7EXAMPLE",
    "Slack token": "xoxb-1234567890-abcdefghij",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.dozjgNryP4J3jVmNHl0w5N",
    "Anthropic key": f"sk-ant-api03-{'x-1' * 10}",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----",
}


def names(environ, passed=()):
    return set(gather(environ, passed)._names.values())


def test_a_value_is_found_in_every_common_spelling():
    secrets = Secrets([("T", VALUE)])
    spellings = [VALUE, json.dumps(f'"{VALUE}')[1:-1], VALUE.replace("/", "%2F").replace("+", "%2B")]
    spellings += [
        VALUE.encode().hex(),
        *(base64.b64encode(b"x" * n + VALUE.encode()).decode() for n in range(3)),
    ]
    for text in spellings:
        assert "[T]" in secrets.text(f"before {text} after"), text
        assert b"[T]" in secrets.content(f"before {text} after".encode()), text
        assert secrets.added(b"", text.encode(), lambda token: False), text
    assert secrets.added(b"", VALUE.encode("utf-16"), lambda token: False)


@pytest.mark.parametrize("name", TOKENS)
def test_well_known_kinds_are_found_and_taken_out(name):
    text = f"x = '{TOKENS[name]}'"

    assert PATTERNS.text(text) == f"x = '[{name}]'" == PATTERNS.content(text.encode()).decode()
    assert PATTERNS.added(b"", text.encode(), lambda token: False).name == name
    assert PATTERNS.added(text.encode(), text.encode(), lambda token: False) is None


def test_ordinary_text_holds_no_secrets():
    text = (
        "sk-container-id-1 eyJustText.here.now '-----BEGIN PRIVATE KEY-----' in line AKIA hf_ npm_install "
        "0123456789abcdef0123456789abcdef01234567 password = get_password() token: Token, xoxo-love"
    )

    assert PATTERNS.text(text) == text
    assert PATTERNS.added(b"", text.encode(), lambda token: False) is None


def test_variables_with_telling_names_count_and_plain_values_do_not():
    hidden = {
        "MY_TOKEN": VALUE,
        "DB_PASSWORD": "topsecret",
        "APIKEY": "0a1b2c3d4e",
        "GH_PAT": "0a1b2c3d4f",
        "DATABASE_URL": "postgres://me:pass-word-1@host/db",
        "LICENCE": "ab12-cd34-ef56",
    }
    plain = {
        "SHORT_TOKEN": "abc",
        "SSH_AUTH_SOCK": "/tmp/ssh-x/agent.1",
        "PGPASSFILE": "/home/me/.pgpass",
        "AUTHOR_NAME": "Some Body",
        "POSTGRES_PASSWORD": "postgres",
        "LICENCE_HOST": "licences.example.org:8080",
        "OTHER": "0a1b2c3d4e5f",
        "MAX_TOKENS": "1000000000",
        "KEY_VAULT_NAME": "vault-of-mine-1",
    }

    assert names({**hidden, **plain}, ["LICENCE*"]) == hidden.keys()
    assert gather(hidden).text("at postgres://me:pass-word-1@host") == "at postgres://me:[DATABASE_URL]@host"


def test_the_files_that_tools_keep_secrets_in_are_known(tmp_path):
    files = {
        ".netrc": "machine github.com login me password netrc-word-1\n",
        ".pgpass": "host:5432:db:me:pgpass-word-1\n",
        ".aws/credentials": "[default]\naws_secret_access_key = awsawsawsaws12\nregion = eu-central-1\n",
        ".config/gh/hosts.yml": "github.com:\n    user: somebody\n    oauth_token: gh-oauth-token-1\n",
        ".npmrc": "//registry.npmjs.org/:_authToken=npm-auth-token-1\n",
        ".git-credentials": "https://me:git-cred-word-1@github.com\n",
        ".docker/config.json": '{"auths": {"x": {"auth": "ZG9ja2VyOndvcmQ="}}, "credsStore": "desktop"}',
        ".claude/.credentials.json": '{"accessToken":"claude-access-1","scopes":["user:inference"]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    secrets = gather({"HOME": str(tmp_path)})
    told = secrets.text(" ".join(files.values()))

    assert all(f"[{name}]" in told for name in files)
    assert all(word in told for word in ("github.com", "eu-central-1", "somebody", "desktop", "inference"))


def test_an_error_tells_no_secret():
    with pytest.raises(UsageError, match=r"^it said \[T\]$"), Secrets([("T", VALUE)]).out_of_errors():
        raise UsageError(f"it said {VALUE}")


AGENT = """\
import json, os, pathlib, sys

prompt, notes = sys.stdin.read(), pathlib.Path(__file__).parent / "notes"
token = os.environ["VAULT_TOKEN"]
print("I was given", token, file=sys.stderr)
count = len(list(notes.iterdir()))
if "Your task: make this one change" not in prompt:
    idea = {
        "hypothesis": f"Way {count} with {token} should be smaller because it has fewer letters",
        "area": f"words {token}", "impact": 9, "feasibility": 9, "novelty": 9,
        "assumption": f"nobody reads {token}", "risk": token,
    }
    answer = {"ideas": [idea]}
else:
    (notes / str(count)).touch()
    work = pathlib.Path("work.txt")
    work.write_text(["a" * 90, "a" * 80, f"a {token}", "crash"][count])
    answer = {"description": f"write fewer letters with {token} ({count})"}
print(json.dumps({"answer": json.dumps(answer)}))
"""
METRIC = """\
import os, sys
token, text = os.environ["VAULT_TOKEN"], open("work.txt").read()
print("connected with", token)
print("connected with", token, file=sys.stderr)
if text == "crash":
    raise ValueError(f"no access with {token}")
print(f"METRIC size={len(text)}")
"""


def test_secrets_that_an_agent_and_a_command_spill_are_found_nowhere(tmp_path):
    root, notes = tmp_path / "app", tmp_path / "notes"
    root.mkdir(), notes.mkdir()
    (tmp_path / "agent.py").write_text(AGENT)
    (root / "bench.py").write_text(METRIC)
    (root / "work.txt").write_text("a" * 100)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "start"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=root, check=True)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOOPT")},
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "VAULT_TOKEN": VALUE,
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "autoopt", "scope=work.txt", "run_id=r1", "propose.use=[agent]"),
            *("goal=Fewer letters", "metric.extract.kind=named", "metric.extract.pattern=size"),
            *(f"metric.command={sys.executable} bench.py", "metric.baseline_samples=2", "metric.warmups=0"),
            *("metric.pass_env=[VAULT_TOKEN]", "agent.pass_env=[VAULT_TOKEN]", "budget.experiments=4"),
            *(f"agent.command={sys.executable} {tmp_path / 'agent.py'}", "agent.answer.format=json"),
            *("agent.answer.text=answer", f"agent.writable=[{notes}]", "final.max_pairs=2"),
            *("+guards.printing.command=echo $VAULT_TOKEN",),
        ],
        cwd=root,
        env=environ,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    table = (root / "autoresearch-r1.tsv").read_text()
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=root, capture_output=True, check=True
    ).stdout
    spilled = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 10_000_000
        if VALUE.encode() in path.read_bytes()
    ]

    assert [line.split("\t")[3] for line in table.splitlines()[1:]] == [
        *("baseline", "keep", "keep", "inspector-reject", "crash")
    ]
    assert "with [VAULT_TOKEN] (0)" in table and b"with [VAULT_TOKEN] (0)" in objects
    assert VALUE.encode() not in objects + done.stdout + done.stderr
    assert spilled == []
    assert b"secrets" in done.stdout  # the guard, by name
