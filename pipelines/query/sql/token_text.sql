-- An id as text, the form in which every command and export shows it: 16 lower-case hexadecimal digits.
-- Parameters: id (BIGINT: a person, a scanner, a stay).
-- Columns:    none; it is an expression.
CREATE TEMP MACRO token_text(id) AS printf('%016x', id)
