"""Strategies: how a deploy task changes its instances, batch by batch, and how it rolls back."""
