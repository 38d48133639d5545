"""Basin: how does the way a network is trained decide how well it generalises?"""
