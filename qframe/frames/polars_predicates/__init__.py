"""polars expressions → predicates, by the form in which polars serialises them."""
