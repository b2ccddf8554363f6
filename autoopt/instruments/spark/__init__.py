"""A Spark job as a metric: `python -P -m autoopt.instruments.spark SUBCOMMAND`.

`run` and `inventory` measure and compare, `profile` and `candidates` say what could be changed and why.

The job runs in another process, by the Python that has PySpark (`driver`), against a local Spark, a
standalone cluster, a Spark Connect server or Databricks. Only the driver imports PySpark.
"""
