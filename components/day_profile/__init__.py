"""What a day looks like, in sums of its parts that merge in any order."""
