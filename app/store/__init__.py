"""PostgreSQL, the source of truth. Queries take and return core values; no layer above sees rows.

Only this package imports Tortoise.
"""
