"""MetalLB in layer 2 mode: a controller that gives addresses, and speakers of which one answers for each."""
