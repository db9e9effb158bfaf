"""The worker: claims tasks under leases, runs their attempts, and sweeps up after crashes."""
