"""What a study leaves behind: results, tables, figures, one HTML file."""
