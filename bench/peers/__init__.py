"""The peers that are measured beside Boreas: engines in their own Python environment, servers in `node`."""
