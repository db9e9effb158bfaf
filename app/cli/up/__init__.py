"""`boreas up`: a whole server in one command, with an embedded PostgreSQL and Valkey in a data folder."""
