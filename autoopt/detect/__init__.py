"""What a repository already has (tests, benchmarks, checkers, databases), found by reading, never by running.

A recipe asks with `${detect:NAME}` (null when there is none) or `${need:NAME}` (refused when there is none);
an option that is given is never detected. Detectors read files of the user's checkout only, and raise nothing
but `UsageError`. Each topic has its module; `files` is how they look around.
"""

from __future__ import annotations

from collections.abc import Mapping

from autoopt.detect import benchmarks, checkers, databases, packages, project, spark, testing, training
from autoopt.detect.place import Detector as Detector
from autoopt.detect.place import Place as Place

DETECTORS: Mapping[str, Detector] = {
    "python": Detector(
        find=lambda place: place.interpreter,
        missing="no interpreter was found; give python=/path/to/python.",
    ),
    "tests": Detector(
        find=project.found_tests,
        missing="no tests were found (test_*.py, *_test.py); give guards.tests.command=COMMAND.",
    ),
    "checker": Detector(
        find=checkers.checker,
        missing="no type checker was found; give options.checker=ty, pyright or mypy.",
    ),
    "benchmark": Detector(find=benchmarks.command, missing=benchmarks.MISSING, given=("command", "module")),
    "benchmark_suite": Detector(find=benchmarks.suite, missing=benchmarks.MISSING_SUITE),
    "package_tests": Detector(
        find=packages.tests,
        missing="no package.json with a test script was found; give guards.tests.command=COMMAND.",
    ),
    "package_build": Detector(
        find=packages.build,
        missing="no package.json with a build script was found; give metric.prepare=COMMAND.",
    ),
    "package_output": Detector(
        find=packages.output,
        missing="no package.json with a build script was found; give options.files=GLOB, and what builds "
        "them as metric.prepare=COMMAND.",
    ),
    "database": Detector(find=databases.url, missing=databases.MISSING),
    "sql_measure": Detector(find=databases.measure, missing=databases.MISSING_MEASURE),
    "training": Detector(find=training.command, missing=training.MISSING),
    "logged_metric": Detector(find=training.logged_metric, missing=training.MISSING_METRIC),
    "tracking_uri": Detector(find=training.tracking_uri, missing=training.MISSING_URI),
    "suite": Detector(
        find=testing.suite,
        missing="no tests were found (test_*.py, *_test.py); give options.tests=COMMAND, which ends in "
        "pytest.",
    ),
    "spark_job": Detector(find=spark.job, missing=spark.MISSING_JOB),
    "spark_conf": Detector(
        find=spark.settings, missing="no Spark settings were found; give options.conf=FILE."
    ),
    "spark_output": Detector(find=spark.outputs, missing=spark.MISSING_OUTPUT),
    "spark_unit": Detector(find=spark.unit, missing=spark.MISSING_UNIT),
    "databricks": Detector(find=spark.compute, missing=spark.MISSING_COMPUTE),
}
