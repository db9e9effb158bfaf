"""The worker: takes tasks under leases, runs their attempts and sweeps what was left undone."""
