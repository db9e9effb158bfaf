"""Validation: each check yields every problem of a value, with the path of the field that has it."""
