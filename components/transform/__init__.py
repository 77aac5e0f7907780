"""Raw columns to model inputs: what TFT analyses and the graph it writes."""
