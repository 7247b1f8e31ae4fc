-- A ballot is secret (P5): a choice exists as a law's sums only, and no table has both a voter and a choice.
-- There is no table of ballots with their choice, because its rows, written in one transaction with
-- participation, could be joined to it by the transaction's number or the order on disk.

create table election (
  id         text        primary key check (id ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
  singleton  boolean     not null default true unique check (singleton),
  document   jsonb       not null check (jsonb_typeof(document) = 'object'),
  eligible   bigint      not null default 0 check (eligible >= 0),
  phase      text        not null check (phase <> '' and length(phase) <= 40),
  closed_at  timestamptz,
  digest     text        check (digest ~ '^[0-9a-f]{64}$'),
  updated_at timestamptz not null default now(),
  check ((closed_at is null) = (digest is null))
);
comment on table election is 'The election that this database belongs to, as the reconciler published it. One row.';
comment on column election.singleton is 'Always true: keeps the table at one row.';
comment on column election.document is 'Laws, titles, times, results policy. Holds no secret.';
comment on column election.eligible is 'Distinct voters of the electorate; 0 until it is loaded.';
comment on column election.phase is 'The phase of the reconciler’s status.';
comment on column election.closed_at is 'When the result was declared final.';
comment on column election.digest is 'SHA-256 of the final result, 64 hexadecimal digits.';

create table vote_results (
  law_id      text        collate "C" primary key
              check (law_id ~ '^[A-Za-z0-9]([A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$'),
  oui_count   bigint      not null default 0 check (oui_count >= 0),
  non_count   bigint      not null default 0 check (non_count >= 0),
  total_votes bigint      not null default 0,
  updated_at  timestamptz not null default now(),
  constraint vote_results_add_up check (oui_count + non_count = total_votes)
  -- Every batch updates these few rows: free space on their page keeps the updates in place (HOT) and lets
  -- the next one prune what the last left, so that no old sum stays readable on disk for long.
) with (fillfactor = 10);
comment on table vote_results is 'The tally: the only place where a choice exists, as sums. A law without a row is not part of the election.';

create table participation (
  law_id text  collate "C" not null,
  voter  bytea not null check (octet_length(voter) = 32),
  primary key (law_id, voter)
);
comment on table participation is 'Who has voted on what: the truth of "once per person and law" (P2). No time and no ballot id, so that nothing joins it to a ballot (P5).';
comment on column participation.law_id is 'A law of vote_results. Not a foreign key: its check would lock a row per vote; the tally looks laws up instead.';
comment on column participation.voter is 'HMAC-SHA-256 voter hash, 32 bytes (P4).';

create table vote_audit (
  id         bigint      generated always as identity primary key,
  ballot_id  uuid        not null unique,
  law_id     text        collate "C" not null,
  status     text        not null check (status in ('aggregated', 'duplicate', 'invalid')),
  metadata   jsonb,
  created_at timestamptz not null default now()
);
create index vote_audit_metadata on vote_audit using gin (metadata jsonb_path_ops) where metadata is not null;
comment on table vote_audit is 'Every ballot’s outcome. No voter and no choice (P5). A ballot that is here already is a redelivery, never a second attempt (P3).';
comment on column vote_audit.metadata is 'How an outcome other than the ordinary came about: decided_by (filter or tally), decided_before. Null for a ballot that was simply counted.';

create table duplicate_attempts (
  law_id           text        collate "C" not null,
  voter            bytea       not null check (octet_length(voter) = 32),
  attempt_count    bigint      not null check (attempt_count > 0),
  first_attempt_at timestamptz not null,
  last_attempt_at  timestamptz not null check (last_attempt_at >= first_attempt_at),
  ip_addresses     jsonb       not null default '[]'
                   check (jsonb_typeof(ip_addresses) = 'array' and jsonb_array_length(ip_addresses) <= 20),
  user_agents      jsonb       not null default '[]'
                   check (jsonb_typeof(user_agents) = 'array' and jsonb_array_length(user_agents) <= 20),
  primary key (law_id, voter)
) with (fillfactor = 80);
comment on table duplicate_attempts is 'Voters who tried again, per law. Redeliveries are not counted.';
comment on column duplicate_attempts.attempt_count is 'Ballots beside the counted one: as many as vote_audit has with status duplicate for this voter and law.';
comment on column duplicate_attempts.first_attempt_at is 'When the earliest of them reached ingestion.';
comment on column duplicate_attempts.ip_addresses is 'Distinct client addresses, the first 20, if the election records clients.';
comment on column duplicate_attempts.user_agents is 'Distinct user agents, the first 20, if the election records clients.';

create table system_stats (
  name        text        collate "C" primary key,
  value       bigint      not null default 0,
  description text        not null,
  updated_at  timestamptz not null default now()
) with (fillfactor = 10);
comment on table system_stats is 'Running totals. Those of votes and batches change in the transaction that records the batch, so they are exact.';

insert into system_stats (name, description) values
  ('ballots_recorded', 'Distinct ballots with an outcome: counted, duplicate or invalid'),
  ('batches_recorded', 'Batches committed to the ledger'),
  ('ledger_bytes', 'Size of the election’s database on disk, bytes'),
  ('votes_counted', 'Ballots counted, all laws together'),
  ('votes_duplicate', 'Ballots of voters who had another one counted or under way'),
  ('votes_invalid', 'Ballots of people who are not eligible'),
  ('votes_redelivered', 'Deliveries of ballots that had been recorded before; they change nothing'),
  ('votes_reviewed', 'Votes that the tally could not record and sent to review');

create table processing_queue_stats (
  id            bigint      generated always as identity primary key,
  at            timestamptz not null default now(),
  instance      text        not null,
  queue         text        not null,
  messages      bigint      check (messages >= 0),
  consumers     integer     check (consumers >= 0),
  interval_ms   integer     not null check (interval_ms > 0),
  processed     bigint      check (processed >= 0),
  rate          double precision check (rate >= 0),
  batches       bigint      check (batches >= 0),
  batch_ms_mean double precision check (batch_ms_mean >= 0),
  batch_ms_max  double precision check (batch_ms_max >= 0)
);
create index processing_queue_stats_at on processing_queue_stats (at);
comment on table processing_queue_stats is 'The queues as each aggregation saw them, a row per queue and interval. Old rows are deleted.';
comment on column processing_queue_stats.instance is 'The process that wrote the row: host and process id.';
comment on column processing_queue_stats.messages is 'Messages (of up to 128 votes) waiting for a consumer; null if the broker did not say.';
comment on column processing_queue_stats.interval_ms is 'Time since this instance’s last row.';
comment on column processing_queue_stats.processed is 'Votes that this instance took from the queue in that time; null for queues that it does not consume.';
comment on column processing_queue_stats.rate is 'processed per second.';
comment on column processing_queue_stats.batch_ms_mean is 'From taking a batch to its acknowledgement, milliseconds; null without batches.';
