"""Pure loss terms, unweighted, `[N]` each, and the objectives made of them."""
