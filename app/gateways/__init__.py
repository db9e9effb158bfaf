"""Adapters to what is not PostgreSQL: Redis, arq, subprocesses, HTTP, the clock."""
