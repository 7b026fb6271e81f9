"""Applications with real SDKs whose errors, spans and logs the benchmarks take (see record.py).

Each is run as a program of its own with the folder to write into: SDKs and frameworks change the
process they are in.
"""
