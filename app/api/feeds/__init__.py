"""Live feeds: subscriptions that share one execution, and their subscribers."""
