-- Every venue code of the scan files and of the registry.
-- Variables: files, venues. Columns: venue.
SELECT venue
FROM read_json(
    getvariable('files'), format = 'newline_delimited', ignore_errors = true, columns = {venue: 'VARCHAR'})
WHERE venue IS NOT NULL
UNION
SELECT venue FROM read_csv(getvariable('venues'), all_varchar = true)
