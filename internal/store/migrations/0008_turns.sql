-- +goose Up

-- Whoever is told to wait before the next attempt to sign in gets a turn at a certain time. Of a slot that stands for somebody who
-- waits, due_at is that time and last_at is when it was told; of an address, due_at is when its next attempt is let in without a
-- turn; of an identity, calendar says when turns fall due.
alter table throttle add column due_at bigint not null default 0;
alter table throttle add column calendar text not null default '';

-- A browser that has completed a sign-in as the principal, and the attempts that failed in it since.
create table known_browser (
  account_id   text   not null,
  browser_id   text   not null,
  principal_id text   not null,
  failures     bigint not null,
  last_at      bigint not null,
  created_at   bigint not null,
  primary key (account_id, browser_id)
);
create index known_browser_by_principal on known_browser (account_id, principal_id, created_at);

-- Wrong passwords of callers who are signed in, by what they are signed in with.
create table proof (
  account_id   text   not null,
  proof_key    text   not null,
  principal_id text   not null,
  failures     bigint not null,
  last_at      bigint not null,
  primary key (account_id, proof_key)
);
create index proof_by_time on proof (last_at);

-- Ending a principal's sessions begins a new epoch, in which sessions of earlier ones no longer count, whatever the clock says.
alter table principal add column sessions_epoch bigint not null default 0;
alter table console_session add column epoch bigint not null default 0;
update console_session set epoch = -1 where exists (
  select 1 from principal p where p.account_id = console_session.account_id and p.principal_id = console_session.principal_id
    and console_session.created_at < p.sessions_not_before);
