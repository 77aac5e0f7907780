"""What models are built from: one layer a file, shared by all of them."""
