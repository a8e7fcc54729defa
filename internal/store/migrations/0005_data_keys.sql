-- +goose Up

-- The installation's keys, each sealed by the master key. Everything else that is sealed or hashed with a key begins with the id of
-- one of these.
create table data_key (
  key_id    text   not null primary key,
  sealed    bytea  not null,
  used_from bigint not null
);

-- A password's hash is sealed as a whole. The migration after this one, which has the keys, moves what is in hash.
alter table password add column sealed_hash bytea not null default '';

-- The tokens of sessions, ceremonies and links are found by keyed hashes from here on. Those of before end: no row of the older form is
-- ever looked for again.
delete from console_session;
delete from ceremony;
delete from setup_link;

-- Who serves this database, and with which keys: another key is used only once each of them has read it.
create table server (
  server_id text   not null primary key,
  name      text   not null,
  keys      text   not null,
  seen_at   bigint not null
);
