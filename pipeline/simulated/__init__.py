"""What only simulated days tell: the truth behind their logs, and what debiasing does to it."""
