"""When a failed attempt is retried: exponential back-off with jitter."""

BASE_SECONDS = 1.0
CAP_SECONDS = 300.0
MAX_LOSSES = 5
"""How many attempts of a task may lose their worker before the task fails, counted since its last manual retry: a
command that kills its worker every time must not run forever. An attempt that a stopping worker hands back is not
lost."""


def backoff(failures: int, chance: float) -> float:
    """Return the seconds to wait after the `failures`-th failure (from 1).

    Doubles from one second up to five minutes, times a factor between 0.5 and 1 drawn by `chance` (0 to 1), so that
    tasks that failed together are not retried together ("equal jitter").
    """
    ceiling = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(failures - 1, 32))
    return ceiling * (0.5 + chance / 2)
