"""Calico's own rules, as pure functions over its resources: what BIRD is told, whose an address is, what is valid.

Models      projectcalico/calico confd, libcalico-go, node
Leaves out  Felix, BIRD and confd take no turns here: their rules are worked out for whoever asks
"""
