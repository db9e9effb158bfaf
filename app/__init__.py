"""Boreas, a continuous-deployment control plane."""

__version__ = "0.1.0"
