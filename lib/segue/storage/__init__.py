"""Read and write Delta tables, saved models and single files below an output folder."""
