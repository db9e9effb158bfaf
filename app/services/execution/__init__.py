"""Carrying out one attempt: commands, rollouts, health checks and logs."""
