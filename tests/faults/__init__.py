"""The service is killed, and its broker and its network taken away, at the worst moments; a checker looks for what that broke.

`fault.py` says what a fault is, `registry.py` has all of them; `python -m tests.faults` does them in full, `test_faults.py` in
short. FAULTS_SEED in the environment repeats the load of a test that failed; its output names the seed.
"""
