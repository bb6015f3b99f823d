"""Make the report: aggregate numbers from the tables, and render them as sentences, figures, an HTML page and JSON."""

HTML_FILE, JSON_FILE = "report.html", "report.json"
"""Names of the report's files in the output folder."""
