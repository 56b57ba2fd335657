"""The power fails: what was not on the disk is gone. Shown by counting fsyncs, and by a file system that forgets.

The disk is a small FUSE file system of our own: LazyFS needs to be built, dm-flakey needs a kernel module. `disk.py` says what
it forgets. It needs /dev/fuse, Debian's fuse3 and the binding mfusepy; watching the fsyncs needs strace.
"""
