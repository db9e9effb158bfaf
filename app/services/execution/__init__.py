"""Execution: carries out one attempt of a task, from its instructions to its log."""
