"""Measurements: one file per figure, each against a Boreas of its own in real processes. `python -m bench --help`."""
