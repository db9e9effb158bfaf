"""Tools that break things while Boreas works, and checks that no work was lost or doubled.

`faults` kills, freezes and cuts off processes at random: `python -m tests.chaos.faults --help`.
`crowd` restarts everything below thousands of subscribers: `python -m tests.chaos.crowd --help`.
`cluster` simulates a Kubernetes API server with its controllers and nodes, for the tests of the Kubernetes operator.
"""
