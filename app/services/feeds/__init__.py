"""Live feeds: a replay from the database, then messages from the bus, without a gap."""
