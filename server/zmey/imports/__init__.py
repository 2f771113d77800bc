"""Imports that the server runs by itself: their files, threads, operations and reports.

The core keeps the imports and applies the rows; here are only the processes around that.
"""
