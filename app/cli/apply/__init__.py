"""`boreas apply`: what files declare, and bringing the server in line with it."""
