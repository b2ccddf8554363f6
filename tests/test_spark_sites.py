import pytest

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import site
from autoopt.schema import ParameterConfig

KEY = "spark.sql.shuffle.partitions"
CONF = "# ours\nspark.sql.adaptive.enabled false\nspark.sql.shuffle.partitions   200\n"


def place(file="spark-defaults.conf", key=KEY, choices=(None, 8, 200)):
    return site("p", ParameterConfig(file=file, key=key, choices=list(choices)), None)


@pytest.mark.parametrize(
    "line", [f"{KEY} 200", f"{KEY}=200", f"  {KEY} = 200  ", f"{KEY}:200", f"{KEY}\t200"]
)
def test_a_setting_is_read_and_replaced_however_it_is_written(line):
    text = f"# {KEY} 7\n! {KEY} 6\n{line}\nspark.sql.shuffle.partitionsX 3\n"

    assert place().read(text) == 200
    assert place().write(text, 8) == text.replace("200", "8")


def test_an_absent_setting_is_null_added_in_the_files_own_way_and_removed_again():
    for text, line in (
        ("", f"{KEY} 8\n"),
        (CONF.replace(f"{KEY}   200\n", ""), f"{KEY} 8\n"),
        ("spark.a=1\n", f"{KEY}=8\n"),
    ):
        added = place().write(text, 8)

        assert place().read(text) is None
        assert added == text + line
        assert place().write(added, None) == text


def test_a_new_properties_file_has_equal_signs():
    assert place("job.properties").write("", 8) == f"{KEY}=8\n"


def test_switches_sizes_and_negative_numbers_are_what_they_look_like():
    text = "spark.sql.adaptive.enabled false\nspark.sql.autoBroadcastJoinThreshold -1\nspark.a.b 64m\n"

    assert (
        place(key="spark.sql.adaptive.enabled", choices=(False, True))
        .write(text, True)
        .startswith("spark.sql.adaptive.enabled true\n")
    )
    assert place(key="spark.sql.autoBroadcastJoinThreshold", choices=(-1, "64m")).read(text) == -1
    assert place(key="spark.a.b", choices=("64m",)).read(text) == "64m"


def test_a_hash_after_a_value_is_part_of_it_as_it_is_for_spark():
    assert place(choices=("200 # many",)).read(f"{KEY} 200 # many\n") == "200 # many"


def test_a_setting_that_is_there_twice_or_missing_without_null_is_refused():
    with pytest.raises(UsageError, match=r"set 2 times in spark-defaults\.conf"):
        place().read(f"{KEY} 1\n{KEY} 2\n")
    with pytest.raises(UsageError, match="add null to its choices"):
        place(choices=(8, 200)).read("")


def test_a_conf_file_with_sections_stays_an_ini_file():
    text = "[cache]\nsize = 64 # MB\n"
    found = place("app.conf", "cache.size", (64, 128))

    assert found.read(text) == 64
    assert found.write(text, 128) == "[cache]\nsize = 128 # MB\n"
    with pytest.raises(UsageError, match="which has no null"):
        place("app.conf", "cache.size").read(text)


def test_a_value_that_the_file_cannot_hold_is_refused():
    with pytest.raises(UsageError, match="backslash"):
        place(choices=(None, "a\\b")).write("", "a\\b")
