"""What is done with a pandas frame → predicates: written down once, and done again to every page."""
