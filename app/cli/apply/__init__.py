"""`boreas apply`: creates and updates applications, environments and templates as files declare them."""
