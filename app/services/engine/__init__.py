"""The engine: what a deployment does next, decided under the lock on its row."""
