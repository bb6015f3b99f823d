"""The report: numbers aggregated from the tables, sentences and figures made from them, and one HTML page."""
