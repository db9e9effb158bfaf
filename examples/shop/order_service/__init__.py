"""What was bought: the orders of the shop."""
