"""The peers that are measured beside Boreas.

Engines in their own Python environment, servers in `node`.
"""
