"""Executes GraphQL operations by graphql-core's executor, with limits and with short cuts.

A library: it imports nothing else of Boreas. docs/graphql-execution.md has the picture of a query's path, what each
short cut does and gains, and how to switch it off.
"""
