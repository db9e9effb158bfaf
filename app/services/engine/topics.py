"""Topics of the bus on which the engine notifies workers."""


def worker_topic(worker_id: str) -> str:
    """Return the topic on which one worker is asked to stop attempts."""
    return f"worker:{worker_id}"


def orphan_topic(pool: str) -> str:
    """Return the topic on which the workers of a pool hear that there may be an orphaned run."""
    return f"orphans:{pool}"
