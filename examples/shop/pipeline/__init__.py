"""How the shop's services come from sources to running processes.

Boreas starts `shop.py` with one of its subcommands; people can do the same by hand. Each subcommand is one module.
"""
