"""What a day is compared with: the statistics of the day before."""
