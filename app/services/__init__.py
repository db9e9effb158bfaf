"""Use cases: one transaction each, effects after the commit. The doors call these; these call core, store and ports."""
