"""Read the file formats: encodings, CSV dialects and headers, JSON documents, archives, workbooks, Parquet types."""
