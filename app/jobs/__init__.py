"""The workers' door: jobs as arq calls them. Each parses its arguments and calls one use case."""
