"""The best model of the last weeks as an artifact, so that small falls from day to day do not add up unseen."""
