"""Inputs of mutations, a module per noun."""
