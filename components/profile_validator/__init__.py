"""Whether a day is whole and sane, as the days before it tell."""
