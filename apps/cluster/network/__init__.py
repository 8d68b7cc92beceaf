"""The network of each machine: what a Linux kernel keeps of it, and how a packet goes through."""
