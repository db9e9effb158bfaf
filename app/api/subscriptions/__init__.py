"""Root fields of the type Subscription, a class per noun."""
