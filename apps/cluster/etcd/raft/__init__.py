"""Raft: how several members agree on one log. A pure state machine: messages in, messages out, no clock."""

from apps.cluster.etcd.raft.log import Log
from apps.cluster.etcd.raft.messages import Message
from apps.cluster.etcd.raft.node import CANDIDATE, FOLLOWER, LEADER, PRE_CANDIDATE, RaftNode

__all__ = ["CANDIDATE", "FOLLOWER", "LEADER", "PRE_CANDIDATE", "Log", "Message", "RaftNode"]
