"""Use cases, one transaction each; below them the engine, the worker and the feeds.

API, jobs and command line call services; services call the core, the store and ports.
"""
