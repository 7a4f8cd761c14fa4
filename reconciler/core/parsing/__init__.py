"""Files of the repository to documents and problems: text, YAML, fields, kinds' entries. Knows no other document."""
