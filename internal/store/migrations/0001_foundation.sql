-- +goose Up

-- Conventions: times are microseconds since 1970 UTC; 0 in a nullable-by-meaning time is "never". Names that are unique
-- without regard to case have a folded twin (…_key), folded in Go. account_id leads every key of an account's tables;
-- the *_directory tables hold what is unique in, or found from anywhere in, the installation.

create table installation (
  name  text not null primary key,
  value text not null
);

create table account (
  account_id  text   not null primary key,
  incarnation text   not null,
  generation  bigint not null,
  created_at  bigint not null
);

create table alias_directory (
  alias      text not null primary key,
  account_id text not null unique,
  created_at bigint not null
);

create table root_email_directory (
  email_key  text not null primary key,
  email      text not null,
  account_id text not null unique
);

create table access_key_directory (
  access_key_id text not null primary key,
  account_id    text not null
);

create table credential_directory (
  credential_id bytea  not null primary key,
  account_id    text   not null,
  device_id     text   not null,
  rp_id         text   not null
);
create index credential_directory_by_rp on credential_directory (rp_id);

create table identity (
  account_id           text   not null,
  identity_id          text   not null,
  kind                 text   not null check (kind in ('root', 'user')),
  unique_id            text   not null,
  name                 text   not null,
  name_key             text   not null,
  path                 text   not null,
  version              bigint not null,
  sessions_not_before  bigint not null,
  created_at           bigint not null,
  password_last_used_at bigint not null,
  primary key (account_id, identity_id),
  unique (account_id, name_key)
);
create index identity_by_name on identity (account_id, kind, name_key);
create index identity_by_path on identity (account_id, kind, path, name_key);
create index identity_by_creation on identity (account_id, kind, created_at, name_key);
create index identity_by_password_use on identity (account_id, kind, password_last_used_at, name_key);

create table identity_tag (
  account_id  text not null,
  identity_id text not null,
  tag_key     text not null,
  tag_value   text not null,
  position    bigint not null,
  primary key (account_id, identity_id, tag_key)
);

create table password (
  account_id     text    not null,
  identity_id    text    not null,
  hash           text    not null,
  version        bigint  not null,
  reset_required boolean not null,
  created_at     bigint  not null,
  changed_at     bigint  not null,
  primary key (account_id, identity_id)
);

create table inline_policy (
  account_id  text   not null,
  identity_id text   not null,
  name        text   not null,
  document    text   not null,
  changed_at  bigint not null,
  primary key (account_id, identity_id, name)
);

create table access_key (
  account_id        text   not null,
  access_key_id     text   not null,
  identity_id       text   not null,
  status            text   not null check (status in ('Active', 'Inactive')),
  sealed_secret     bytea  not null,
  created_at        bigint not null,
  last_used_at      bigint not null,
  last_used_service text   not null,
  last_used_region  text   not null,
  primary key (account_id, access_key_id)
);
create index access_key_by_identity on access_key (account_id, identity_id, created_at, access_key_id);

create table mfa_device (
  account_id    text    not null,
  device_id     text    not null,
  identity_id   text    not null,
  name          text    not null,
  name_key      text    not null,
  serial        text    not null,
  kind          text    not null check (kind in ('fido')),
  credential_id bytea   not null,
  rp_id         text    not null,
  sign_count    bigint  not null,
  marked        boolean not null,
  credential    text    not null,
  enabled_at    bigint  not null,
  last_used_at  bigint  not null,
  primary key (account_id, device_id),
  unique (account_id, serial),
  unique (account_id, identity_id, name_key)
);
create index mfa_device_by_identity on mfa_device (account_id, identity_id, enabled_at, device_id);

create table console_session (
  account_id       text   not null,
  session_id       text   not null,
  identity_id      text   not null,
  token_hash       bytea  not null,
  stage            text   not null check (stage in ('mfa', 'change-password', 'full')),
  scope            text   not null check (scope in ('full', 'recovery')),
  destination      text   not null,
  created_at       bigint not null,
  last_seen_at     bigint not null,
  expires_at       bigint not null,
  password_version bigint not null,
  mfa_at           bigint not null,
  mfa_method       text   not null,
  mfa_serial       text   not null,
  source_address   text   not null,
  user_agent       text   not null,
  primary key (account_id, session_id),
  unique (account_id, token_hash)
);
create index console_session_by_identity on console_session (account_id, identity_id, created_at);
create index console_session_by_expiry on console_session (expires_at);

create table ceremony (
  account_id    text   not null,
  ceremony_hash bytea  not null,
  identity_id   text   not null,
  session_id    text   not null,
  purpose       text   not null check (purpose in ('register', 'assert')),
  subject_id    text   not null,
  device_name   text   not null,
  record        bytea  not null,
  created_at    bigint not null,
  expires_at    bigint not null,
  primary key (account_id, ceremony_hash)
);
create index ceremony_by_identity on ceremony (account_id, identity_id, created_at);
create index ceremony_by_expiry on ceremony (expires_at);

create table setup_link (
  account_id  text   not null,
  token_hash  bytea  not null,
  identity_id text   not null,
  expires_at  bigint not null,
  primary key (account_id, token_hash)
);

-- notice: something the identity is told once, when it has next signed in.
create table notice (
  account_id  text   not null,
  notice_id   text   not null,
  identity_id text   not null,
  kind        text   not null,
  detail      text   not null,
  created_at  bigint not null,
  primary key (account_id, notice_id)
);
create index notice_by_identity on notice (account_id, identity_id, created_at);

create table throttle (
  slot        bigint not null primary key,
  failures    bigint not null,
  last_at     bigint not null
);

create table outbox (
  message_id      text   not null primary key,
  account_id      text   not null,
  recipient       text   not null,
  subject         text   not null,
  body            text   not null,
  created_at      bigint not null,
  attempts        bigint not null,
  next_attempt_at bigint not null
);
create index outbox_by_time on outbox (next_attempt_at);

create table quota (
  account_id text   not null,
  name       text   not null,
  value      bigint not null,
  primary key (account_id, name)
);

-- sequence is null until the event is numbered for the proof log.
create table audit_event (
  account_id text    not null,
  event_id   text    not null,
  event_time bigint  not null,
  name       text    not null,
  source     text    not null,
  user_name  text    not null,
  read_only  boolean not null,
  error_code text    not null,
  record     text    not null,
  sequence   bigint,
  primary key (account_id, event_time, event_id)
);
create index audit_event_by_time on audit_event (event_time, event_id);
