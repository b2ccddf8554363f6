import pytest

from autoopt.errors import UsageError
from autoopt.scope import Scope


@pytest.mark.parametrize(
    ("pattern", "path", "inside"),
    [
        ("src", "src/a.py", True),
        ("src", "src/deep/b.sql", True),
        ("src", "src", True),
        ("src", "srcs/a.py", False),
        ("src/", "src/a.py", True),
        ("./src", "src/a.py", True),
        ("a.py", "a.py", True),
        ("a.py", "aXpy", False),
        ("a.py", "lib/a.py", False),
        (".", "anything/at.all", True),
        ("*.py", "a.py", True),
        ("*.py", "src/a.py", False),
        ("src/*", "src/a.py", True),
        ("src/*", "src/deep/a.py", False),
        ("src/**", "src/deep/a.py", True),
        ("**/*.py", "a.py", True),
        ("**/*.py", "x/y/a.py", True),
        ("**/*.py", "x/y/a.pyc", False),
        ("src/**/test_*.py", "src/test_a.py", True),
        ("src/**/test_*.py", "src/x/y/test_a.py", True),
        ("src/?.py", "src/a.py", True),
        ("src/?.py", "src/ab.py", False),
        ("src/[ab].py", "src/a.py", True),
        ("src/[!ab].py", "src/a.py", False),
        ("src/[!ab].py", "src/c.py", True),
        ("src[!a]x", "src/x", False),
        ("src/[a.py", "src/[a.py", True),
        ("a+b(1).sql", "a+b(1).sql", True),
        ("sql/ünï.sql", "sql/ünï.sql", True),
        (".github/workflows", ".github/workflows/ci.yml", True),
    ],
)
def test_a_pattern_selects_the_paths_a_person_expects(pattern, path, inside):
    assert Scope([pattern]).contains(path) is inside


def test_several_patterns_add_up():
    scope = Scope(["a.py", "sql/**/*.sql"])

    assert scope.contains("a.py")
    assert scope.contains("sql/x/q.sql")
    assert not scope.contains("sql/x/q.py")


def test_off_limits_wins_over_scope():
    scope = Scope(["src"], ["src/**/conftest.py", "src/gen"])

    assert scope.contains("src/a.py")
    assert not scope.contains("src/conftest.py")
    assert not scope.contains("src/gen/deep/a.py")


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "  ", "/", "/etc", "~/x", "~", "../x", "src/../x", "..", ".git", "src/.git/config", ".GIT/x"),
        *("a\\b", "C:/x", "c:\\x", "a\nb", "[z-a]", 7, None),
    ],
)
@pytest.mark.parametrize("option", ["scope", "off_limits"])
def test_a_pattern_that_leaves_the_repository_is_refused_by_name(pattern, option):
    with pytest.raises(UsageError, match=rf"^{option}: ") as refusal:
        Scope([pattern]) if option == "scope" else Scope(["src"], [pattern])

    assert "\n" not in str(refusal.value)


def test_no_pattern_at_all_is_refused():
    with pytest.raises(UsageError, match=r"^scope: "):
        Scope([])


def test_scopes_with_the_same_patterns_are_equal():
    assert Scope(["a"], ["b"]) == Scope(("a",), ("b",))


def test_an_objection_says_which_pattern_is_in_the_way():
    scope = Scope(["src", "a", "b", "c", "d"], ["**/test_*.py"])

    assert scope.objection("src/app.py") == ""
    assert scope.objection("src/test_app.py") == "out of scope: off_limits has **/test_*.py"
    assert scope.objection("README") == "out of scope, which is src, a, b, c and 1 more"
