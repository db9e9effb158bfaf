"""Kubernetes objects as plain JSON: pure functions that read and change them."""
