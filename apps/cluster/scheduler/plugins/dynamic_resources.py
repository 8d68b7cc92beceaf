"""DynamicResources: devices that Pods claim. The model has none, but every FailedScheduling message carries its word.

Models      pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go (PostFilter of a Pod without claims)
Leaves out  resource claims, device classes and everything they do
"""

from __future__ import annotations

NAME = "DynamicResources"

# What its PostFilter says of a Pod that claims no device, whenever such a Pod finds no node.
NOTHING_TO_DEALLOCATE = "no new claims to deallocate"

# And what comes out when PreFilter of an earlier plugin has rejected the Pod: its own PreFilter never ran, so it
# finds no state of its own, which is an error, and preemption is not tried.
NO_STATE = "not found"
