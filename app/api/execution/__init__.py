"""Running GraphQL operations: the executor, prepared queries, and loading in batches."""
