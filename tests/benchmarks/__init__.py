"""Measures the exchange, each figure beside a baseline of the same run: see `docs/reference/benchmarks.md`.

Nothing here is a test: a figure is printed and never asserted, for it says as much of the machine as of the code.
"""
