"""What pages and tables are written as: Markdown, HTML, PDF, JSON and CSV."""
