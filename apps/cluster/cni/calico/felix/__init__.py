"""What Felix works out before it programs anything: which tunnels, how large packets may be, whose an address is.

Models      felix (calc, config, ip, dataplane/linux)
Leaves out  nothing but what its modules say
"""
