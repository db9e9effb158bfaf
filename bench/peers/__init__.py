"""Other engines with the same graphs. The scripts run by the Python of an environment of their own."""
