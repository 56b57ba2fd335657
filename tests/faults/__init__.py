"""The service is killed, and its broker taken away, at the worst moments; a checker then looks for what that broke.

FAULTS_SEED in the environment repeats the load of a run that failed; its output names the seed.
"""
