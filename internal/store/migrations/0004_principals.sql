-- +goose Up

-- An identity becomes a principal: beside the root user and users there will be groups and roles, whose names are unique within
-- their kind. What principals of every kind have stands in one table each: tags (which policies, providers and certificates
-- have too, hence the kind of their owner), inline policies, attached managed policies, and permissions boundaries.

create table principal (
  account_id            text   not null,
  principal_id          text   not null,
  kind                  text   not null check (kind in ('root', 'user', 'group', 'role')),
  unique_id             text   not null,
  name                  text   not null,
  name_key              text   not null,
  path                  text   not null,
  version               bigint not null,
  sessions_not_before   bigint not null,
  created_at            bigint not null,
  password_last_used_at bigint not null,
  primary key (account_id, principal_id),
  unique (account_id, kind, name_key),
  unique (account_id, unique_id)
);
insert into principal (account_id, principal_id, kind, unique_id, name, name_key, path, version, sessions_not_before, created_at,
    password_last_used_at)
  select account_id, identity_id, kind, unique_id, name, name_key, path, version, sessions_not_before, created_at,
    password_last_used_at from identity;
drop table identity;
create index principal_by_path on principal (account_id, kind, path, name_key);
create index principal_by_creation on principal (account_id, kind, created_at, name_key);
create index principal_by_password_use on principal (account_id, kind, password_last_used_at, name_key);

-- A key is unique without regard to case: folded_key is its folded twin.
create table tag (
  account_id text   not null,
  owner_kind text   not null check (owner_kind in ('principal', 'policy', 'provider', 'certificate')),
  owner_id   text   not null,
  folded_key text   not null,
  tag_key    text   not null,
  tag_value  text   not null,
  position   bigint not null,
  primary key (account_id, owner_kind, owner_id, folded_key)
);
insert into tag (account_id, owner_kind, owner_id, folded_key, tag_key, tag_value, position)
  select account_id, 'principal', identity_id, folded_key, tag_key, tag_value, position from identity_tag;
drop table identity_tag;

create table attachment (
  account_id   text   not null,
  principal_id text   not null,
  policy_arn   text   not null,
  attached_at  bigint not null,
  primary key (account_id, principal_id, policy_arn)
);
create index attachment_by_policy on attachment (account_id, policy_arn, principal_id);

create table boundary (
  account_id   text not null,
  principal_id text not null,
  policy_arn   text not null,
  primary key (account_id, principal_id)
);
create index boundary_by_policy on boundary (account_id, policy_arn, principal_id);

alter table inline_policy rename column identity_id to principal_id;
alter table password rename column identity_id to principal_id;
alter table access_key rename column identity_id to principal_id;
alter table mfa_device rename column identity_id to principal_id;
alter table console_session rename column identity_id to principal_id;
alter table ceremony rename column identity_id to principal_id;
alter table setup_link rename column identity_id to principal_id;
alter table notice rename column identity_id to principal_id;

drop index access_key_by_identity;
drop index mfa_device_by_identity;
drop index console_session_by_identity;
drop index ceremony_by_identity;
drop index notice_by_identity;
create index access_key_by_principal on access_key (account_id, principal_id, created_at, access_key_id);
create index mfa_device_by_principal on mfa_device (account_id, principal_id, enabled_at, device_id);
create index console_session_by_principal on console_session (account_id, principal_id, created_at);
create index ceremony_by_principal on ceremony (account_id, principal_id, created_at);
create index notice_by_principal on notice (account_id, principal_id, created_at);

-- How many rows of a kind an account has. Whoever inserts or deletes such a row changes the number in the same transaction, so that
-- no operation has to count an account's rows.
create table tally (
  account_id text   not null,
  kind       text   not null,
  n          bigint not null check (n >= 0),
  primary key (account_id, kind)
);
insert into tally (account_id, kind, n) select account_id, kind, count(*) from principal group by account_id, kind;
insert into tally (account_id, kind, n) select account_id, 'mfa-device', count(*) from mfa_device group by account_id;
