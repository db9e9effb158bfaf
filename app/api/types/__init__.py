"""Object types, a module per noun. Each is built from a core value by `of`."""
