"""A model's pictures, as its paper draws them."""
