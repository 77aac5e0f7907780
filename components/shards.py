"""Into how many parts keys are divided that all partitions of users share."""


def shards(partitions: int) -> int:
    """As many as partitions up to 64, and a sixteenth of them beyond 1,024.

    Every partition sends something to every shard, so their number is small enough that a message is worth
    more than its header; and it grows with the partitions, so that a shard's size stays what one worker holds.
    """
    return max(min(partitions, 64), partitions // 16)
