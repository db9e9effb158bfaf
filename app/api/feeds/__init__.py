"""Shared feeds: subscribers of the same subscription share one execution and one encoding."""
