"""Shared test support: real servers, an API and workers in the test's loop, and clients for them."""
