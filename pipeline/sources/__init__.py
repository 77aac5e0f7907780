"""Where logs come from: readers of public data sets and a simulator, each writing the native log."""
