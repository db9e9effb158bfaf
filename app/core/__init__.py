"""Where Boreas is decided: plain functions over frozen values, without I/O, clock or chance."""
