"""The pages of scenarios, what scripts fetch of them, and what forms post to them."""
