"""A crowd of subscribers while all servers are restarted: run it with python -m tests.chaos.crowd."""
