#!/usr/bin/env python3
"""The shop's own tool: builds, tests, deploys and stops its three services; registers them in Boreas."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main())
