"""The methods that an evaluation compares, a class each; `registry` knows all of them."""
