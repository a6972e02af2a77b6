"""What the worker does again and again: each job asks what there is to do, and a use case does it.

A job may run twice, late or not at all: no answer about access depends on it (AX8).
"""
