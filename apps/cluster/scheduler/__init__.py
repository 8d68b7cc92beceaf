"""kube-scheduler: which node a new Pod goes to, and every reason why."""

from apps.cluster.scheduler.decision import Decision, NodeScore, PluginScore, Verdict
from apps.cluster.scheduler.scheduler import Scheduler

__all__ = ["Decision", "NodeScore", "PluginScore", "Scheduler", "Verdict"]
