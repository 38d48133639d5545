"""Double descent over the number of training examples: more data can hurt."""
