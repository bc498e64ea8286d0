"""The JSON contract, as existing clients rely on it."""
