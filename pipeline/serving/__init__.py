"""The use of what is served: by a client, from a file, and what TF Serving is started with."""
