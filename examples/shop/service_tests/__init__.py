"""The services' tests: each starts the built artifact on a free port, and calls it.

The artifact under test is named by the variable SHOP_ARTIFACT, which `shop.py test` sets.
"""
