"""The tick: from everything stored of a deployment and the time to what is to be done."""
