-- +goose Up

-- Customer managed policies. version is raised when another text of the policy comes into force, so that what was compiled from it
-- is compiled anew; last_number makes sure that the number of a deleted version is never given again.
create table managed_policy (
  account_id     text   not null,
  policy_id      text   not null,
  arn            text   not null,
  name           text   not null,
  name_key       text   not null,
  path           text   not null,
  description    text   not null,
  default_number bigint not null,
  last_number    bigint not null,
  version        bigint not null,
  created_at     bigint not null,
  updated_at     bigint not null,
  primary key (account_id, policy_id),
  unique (account_id, name_key),
  unique (account_id, arn)
);
create index managed_policy_by_path on managed_policy (account_id, path, name_key);

create table policy_version (
  account_id text   not null,
  policy_id  text   not null,
  number     bigint not null,
  document   text   not null,
  created_at bigint not null,
  primary key (account_id, policy_id, number)
);
