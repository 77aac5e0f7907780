"""What a training reads, and how it is divided among processes and replicas."""
