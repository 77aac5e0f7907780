"""LogExampleGen: one day of click logs, checked and joined with what was known of its users before."""
