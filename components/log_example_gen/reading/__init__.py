"""Files of logs to RecordBatches of whatever types they have."""
