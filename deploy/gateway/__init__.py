"""One address for the command side and the query side: requests go by method, nothing clever.
(A dry run of a dead letter is a POST that changes nothing, and goes where the reads go.)

A request is read whole (bounded) before an upstream is troubled with it, written again from what was parsed, so
that both sides agree on where it ends, and its answer is streamed back. The gateway never tries a write twice:
when it cannot know what became of one, it says so.
"""
