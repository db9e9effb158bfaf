"""Inputs of mutations, a module per group of nouns."""
