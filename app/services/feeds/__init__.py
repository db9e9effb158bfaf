"""Following what happens: a replay from the database, then live messages, without a gap."""
