"""Sizes of files, plain and compressed.

    python -m autoopt.instruments.size total|largest|kinds [--compression gzip] [--without GLOB] GLOB...

`total` prints the bytes of all files as metric lines, `largest` the biggest files, `kinds` what a build must
not lose, as JSON for a guard.
"""
