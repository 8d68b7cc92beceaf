"""What members say to one another."""

from __future__ import annotations

from typing import NamedTuple

PRE_VOTE, PRE_VOTE_RESPONSE = "MsgPreVote", "MsgPreVoteResp"
VOTE, VOTE_RESPONSE = "MsgVote", "MsgVoteResp"
APPEND, APPEND_RESPONSE = "MsgApp", "MsgAppResp"
HEARTBEAT, HEARTBEAT_RESPONSE = "MsgHeartbeat", "MsgHeartbeatResp"
SNAPSHOT = "MsgSnap"

RESPONSES = frozenset({PRE_VOTE_RESPONSE, VOTE_RESPONSE, APPEND_RESPONSE, HEARTBEAT_RESPONSE})
FROM_LEADER = frozenset({APPEND, HEARTBEAT, SNAPSHOT})


class Message(NamedTuple):
    """`index` and `log_term` name the entry before `entries` (or the last one, in a call for votes)."""

    kind: str
    sender: str
    to: str
    term: int
    index: int = 0  # type: ignore[assignment]  # hides tuple.index
    log_term: int = 0
    entries: tuple[tuple[int, int], ...] = ()  # runs: term, index of the last entry
    commit: int = 0
    reject: bool = False
    hint: int = 0  # of who rejects an append: up to where to look for what both have
