"""What calico/node does once as it starts, and what it tells of BIRD afterwards.

Models      node/pkg/lifecycle/startup, node/pkg/status
Leaves out  the file of node readiness; the check for nodes with the same address
"""
