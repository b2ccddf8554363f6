"""JUnit and coverage reports as numbers; the samples are what pytest 9 and coverage 7 write, shortened."""

import json

import pytest

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.tests import coverage, junit

JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests">
<testsuite name="unit" errors="1" failures="1" skipped="1" tests="5" time="1.50">
<testcase classname="tests.test_a" name="test_one" time="0.5" />
<testcase classname="tests.test_a" name="test_two" time="0.25">
<failure message="assert 1 == 2">E &lt;1&gt;</failure></testcase>
<testcase classname="tests.test_a" name="test_three" time="0"><skipped message="no" /></testcase>
<testcase classname="" name="tests.test_b" time="0"><error message="collection failure">E</error></testcase>
<testcase classname="tests.test_a" name="test_four[x]" time="0.25"><system-out>ok</system-out></testcase>
</testsuite>
<testsuite name="more" tests="1" time="0.5"><testsuite name="inner" tests="1" time="0.5">
<testcase classname="c" name="t" time="0.5"/></testsuite></testsuite>
</testsuites>
"""
SUMMARY = {"covered_lines": 6, "num_statements": 8, "percent_covered": 70.5, "missing_branches": 2}
JSON = json.dumps(
    {
        "meta": {"format": 3},
        "files": {"src/a.py": {"summary": {**SUMMARY, "percent_covered": 25.0, "missing_lines": 3}}},
        "totals": SUMMARY,
    }
)
COBERTURA = """<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
<coverage lines-valid="8" lines-covered="5" line-rate="0.625" branches-valid="2" branches-covered="1">
<packages><package name="src"><classes>
<class name="a.py" filename="src/a.py" line-rate="0.5" branch-rate="0"><lines/></class>
</classes></package></packages></coverage>
"""
LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<testsuites><testsuite><testcase name="&c;"/></testsuite></testsuites>
"""
OUTSIDE = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuites><testsuite><testcase name="x"><failure>&a;</failure></testcase></testsuite></testsuites>
"""


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("", 60.0),
        ("pass_rate", 60.0),
        ("passed", 3),
        ("failures", 1),
        ("errors", 1),
        ("skipped", 1),
        ("tests", 6),
        ("time", 2.0),
    ],
)
def test_every_suite_of_a_junit_report_counts_once(pattern, number):
    assert junit(JUNIT, pattern) == number


def test_a_single_suite_among_other_output_is_found():
    one = '<testsuite tests="2"><testcase name="a" time="1.5"/><testcase name="b" time="1"/></testsuite>'

    assert junit(f"..F <b>\n{one}\n2 passed >", "passed") == 2
    assert junit(one, "time") == 2.5


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE])
def test_xml_with_entities_is_refused_before_it_is_read(text):
    with pytest.raises(NoNumberError, match="declares entities"):
        junit(text, "")


@pytest.mark.parametrize(
    ("text", "pattern", "reason"),
    [
        ("3 passed", "", "no JUnit XML"),
        ("<testsuite><testcase></testsuite>", "", "cannot be read"),
        ("<testsuite></testsuite>", "", "no test that was not skipped"),
        ("<testsuite></testsuite>", "time", "no time"),
        ('<testsuite time="1,5"></testsuite>', "time", "comma"),
        (JUNIT, "rate", "choose pass_rate"),
        (JUNIT + JUNIT, "", "cannot be read"),
    ],
)
def test_what_gives_no_number_says_why(text, pattern, reason):
    with pytest.raises(NoNumberError, match=reason):
        junit(text, pattern)


@pytest.mark.parametrize(
    ("text", "pattern", "number"),
    [
        (JSON, "", 70.5),
        (f"Wrote JSON report\n{JSON}\n", "covered_lines", 6),
        (JSON, "src/a.py", 25.0),
        (JSON, "src/a.py:missing_lines", 3),
        (COBERTURA, "", 60.0),
        (COBERTURA, "src/a.py", 50.0),
    ],
)
def test_coverage_of_all_or_of_one_file(text, pattern, number):
    assert coverage(text, pattern) == number


@pytest.mark.parametrize(
    ("text", "pattern", "reason"),
    [
        ("TOTAL 8 2 75%", "", "0 coverage reports"),
        (JSON, "src/b.py", "no number 'src/b.py'; it has covered_lines"),
        (JSON, "src/b.py:missing_lines", "no file 'src/b.py'"),
        (COBERTURA, "src/b.py", "no file"),
        (JSON.replace("70.5", "NaN"), "", "finite"),
        ("<coverage line-rate='nan'/>", "", "finite"),
    ],
)
def test_a_coverage_that_is_not_there_is_none(text, pattern, reason):
    with pytest.raises(NoNumberError, match=reason):
        coverage(text, pattern)
