"""Root fields of the subscriptions type, a class per noun."""
