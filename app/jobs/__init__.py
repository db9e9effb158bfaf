"""Jobs as arq calls them: each parses its arguments and calls one service."""
