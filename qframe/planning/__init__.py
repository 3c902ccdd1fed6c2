"""What a read is to give, decided before anything is fetched: options, columns, filters."""
