"""What is declared in files: their shape, reading them, and bringing what is there in line with them."""
