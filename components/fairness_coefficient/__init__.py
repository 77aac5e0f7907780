"""Fairness Coefficients of a day: how much more than its scenario's average an item deserved its exposure."""
