"""What every kind shares: metadata, selectors, quantities, conditions, patches, Status errors."""
