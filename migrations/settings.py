"""What the aerich command needs to make a migration: `BOREAS_DATABASE_URL=… aerich migrate --name WHAT`."""

import os

from app.store.database import config

TORTOISE = config(os.environ["BOREAS_DATABASE_URL"])
