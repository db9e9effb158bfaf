"""`boreas up`: a whole server in one command, with an embedded PostgreSQL and Valkey in a data folder.

What runs. The supervisor (`supervisor.py`) is the process that the user starts. It runs, in this order, PostgreSQL,
Valkey, the migrations (in its own process), the API, a worker, and once the program after `--`. It stops them in the
reverse order, so that a server outlives every process that uses it.

Who watches whom. The supervisor holds a `Child` for each process, and restarts one that dies, with backoff; five quick
deaths in a row end everything. Each child is a wrapper (`process_wrapper.py`) around the real program:

    supervisor ── wrapper ── postgres              the pipe of the servers
               ── wrapper ── valkey                the pipe of the servers
               ── wrapper ── api                   the pipe of their users
               ── wrapper ── worker                the pipe of their users
               ── wrapper ── the user's program    the pipe of their users

A wrapper reads a pipe whose other end the supervisor holds. If the supervisor dies, in any way, the kernel closes the
pipe, and each wrapper stops its program: politely first, by SIGKILL after a grace period. The wrappers of the API, the
worker and the program also hold the other end of the servers' pipe: the servers stop only after their last user.
Every wrapper holds the lock of the data folder (`data_dir.py`), so a next `boreas up` waits until the last process of
a killed one has ended. Each process has a session of its own: Ctrl-C reaches the supervisor alone, which then stops
the others in order. A second Ctrl-C kills all process groups.

What else is here. `postgres.py` and `valkey.py` know how to create, secure, start and recover the embedded servers.
`own_server.py` lets the other commands find the server of a folder, and its first token.

Why no library. Supervisors such as supervisord, circus and honcho stop their children when they are asked to, but leave
them running when they are killed themselves; systemd and containers, which do better, are not on every machine and
need rights. PR_SET_PDEATHSIG exists only on Linux and reaches only direct children. None of them orders the end of
servers after that of their users. The packages of PostgreSQL and Valkey bring the programs, and launchers made for
tests: their modules say why these do not fit.
"""
