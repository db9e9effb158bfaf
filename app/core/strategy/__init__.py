"""Strategies: how a deploy task changes its instances, step by step."""
