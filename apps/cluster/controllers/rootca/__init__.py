"""The publisher of the cluster's root certificate."""
