"""What pages and drawings are made of, whatever they show."""
