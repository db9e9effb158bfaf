"""The tick: decides what a deployment does next, from everything that is stored of it and the time."""
