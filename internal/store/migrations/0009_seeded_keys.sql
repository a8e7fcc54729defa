-- +goose Up

-- A seed fixes the ids and secrets of access keys. They are marked, so that a server that others can reach warns of them.
alter table access_key add column seeded bigint not null default 0;
