"""PostgreSQL: the truth. Queries take ids and return core values; nothing above this layer sees a row."""
