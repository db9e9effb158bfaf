"""GraphQL documents: parsed, measured and validated once, then cached."""
