"""Languages: what programs and nodes say to each other."""
