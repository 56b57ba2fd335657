"""One suite per port, over every adapter that keeps its promises."""
