"""Why does it not work: what is wrong here, where, and what to do about it.

``checks`` judge, one file for each subject: facts in, findings out, nothing is looked at.
``probes`` look: they gather the facts. ``examination`` puts both together for this machine, and
``python -m edgechain.deploy.doctor`` is its door on a device, where only a node's packages are.
"""
