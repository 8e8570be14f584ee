"""Data: datasets of files and arrays, transforms, splits and batches."""
