"""Object types: what clients read, a module per noun. Each is made of a core value by `of`."""
