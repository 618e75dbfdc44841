-- Every distinct spelling of a person in the scan files.
-- Variables: files. Columns: person.
SELECT DISTINCT person
FROM read_json(
    getvariable('files'), format = 'newline_delimited', ignore_errors = true, columns = {person: 'VARCHAR'})
WHERE person IS NOT NULL
