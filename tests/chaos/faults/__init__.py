"""A whole Boreas as real processes that are killed, stopped and cut off at work, checked from outside."""

import warnings

warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
