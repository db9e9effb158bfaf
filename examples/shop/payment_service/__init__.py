"""What was paid: the payments of the shop."""
