"""The disruption controller: how many Pods a budget lets go at once."""
