"""WebSockets: readers watching running clusters."""
