"""Who calls: whom to let in, what the API server is asked about tokens, and what is remembered of its answers."""
