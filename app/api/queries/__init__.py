"""Root fields of the type Query, a class per noun."""
