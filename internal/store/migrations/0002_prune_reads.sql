-- +goose Up

-- Reads are kept for days among changes that are kept for a year: pruning must find them without reading past those.
create index audit_event_reads_by_time on audit_event (event_time) where read_only and error_code <> 'AccessDenied';
