"""The command line: a file a noun. Nothing heavy is imported before a command needs it."""
