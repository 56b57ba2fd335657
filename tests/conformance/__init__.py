"""The five languages against one live service: what each program must show."""
