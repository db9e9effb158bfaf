"""Root fields of the queries type, a class per noun."""
