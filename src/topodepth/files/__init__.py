"""HDF5 and CSV files, checksums, downloads and archives: how things are stored, not what they mean."""
