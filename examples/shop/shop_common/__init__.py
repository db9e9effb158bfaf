"""What the three services share; the build bundles it into each artifact."""
