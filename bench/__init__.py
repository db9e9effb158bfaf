"""Benchmarks: one module per figure, each with its own Boreas in real processes.

`python -m bench --help`.
"""
