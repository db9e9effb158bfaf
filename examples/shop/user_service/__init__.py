"""Who may buy: the users of the shop."""
