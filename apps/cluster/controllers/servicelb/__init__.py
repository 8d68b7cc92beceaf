"""Load balancers of a cloud: what cloud-controller-manager asks for, and the cloud that builds them."""
