"""The engine: decides what a deployment does next, while it holds the lock on the deployment's row."""
