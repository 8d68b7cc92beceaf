"""Calico's own rules, as pure functions over its resources: what BIRD is told, whose an address is, what is valid.

Models      projectcalico/calico confd, libcalico-go, node
Leaves out  none of its programs takes a turn here: the rules are worked out for whoever asks
"""
