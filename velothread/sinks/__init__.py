"""Where the rows of a result go: CSV, JSON, Markdown, Parquet, Arrow, a table on the terminal."""
