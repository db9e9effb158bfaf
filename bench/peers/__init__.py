"""What stands beside us in measurements. Engines run by the Python of an environment of their own, servers in node/."""
