"""The report: numbers aggregated from the tables; sentences, figures, an HTML page and a JSON file made from them."""

HTML_FILE, JSON_FILE = "report.html", "report.json"
"""File names of the report below an ``--output``."""
