"""The small JSON documents of a run, each a class that reads and writes itself; whoever spells a file's name does so
here."""
