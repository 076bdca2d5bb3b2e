"""The benchmark report: ``make bench-report``.

Measuring writes one JSON file for each section into ``docs/benchmarks``; rendering
makes ``docs/benchmarks.md`` and its plots of them, and of nothing else.
"""
