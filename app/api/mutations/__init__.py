"""Root fields of the mutations type, a class per noun."""
