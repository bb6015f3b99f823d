"""The page and its figures: plain numbers become plotly figures, and one HTML file; no Spark here."""
