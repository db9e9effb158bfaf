"""The services' tests: each starts the built artifact as a process on a free port and talks HTTP to it.

The artifact under test is named by the variable SHOP_ARTIFACT, which `shop.py test` sets.
"""
