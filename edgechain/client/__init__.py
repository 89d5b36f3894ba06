"""The camera side: find a chain, pin routes, submit requests, account for every one."""
