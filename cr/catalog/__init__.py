"""What a rule can be made of: its sections and, as data, the values, methods and templates to choose from."""
