"""A crowd of subscribers while everything they hang on is restarted: run it with python -m tests.chaos.crowd."""
