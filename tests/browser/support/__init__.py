"""What tests in a browser need: the browser that `make test` unpacks, and what a page did in it."""
