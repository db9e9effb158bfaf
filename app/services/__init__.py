"""Use cases, one transaction each with effects after the commit; and the engine, worker and feeds below them.

API, jobs and command line call services; services call the core, the store and ports.
"""
