"""Adapters: the implementations of the ports. They may use any library; nothing below `loop` may use them."""
