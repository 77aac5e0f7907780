"""RecordBatches to files of tf.Examples."""
