"""Root fields of the type Mutation, a class per noun."""
