import * as unit from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { graph, NONE_EXPECTED, number, query, text, worseAbove, worseBelow } from './panels.ts';
import {
  OLDEST_VOTE,
  ofElection,
  ofStages,
  perSecond,
  quantile,
  rateBy,
  ready,
  shareWithin,
} from './promql.ts';

const VOTES_OF_LAW = `max by (election, law) (${ofStages('scrutin_law_votes')})`;
const ELIGIBLE = `max by (election) (${ofElection('scrutin_election_eligible_voters')})`;
const TURNOUT = `${VOTES_OF_LAW} / on (election) group_left () (${ELIGIBLE} > 0)`;
const RESULT = `max by (law, choice) (${ofStages('scrutin_result_votes')})`;
const RESULT_SHARE = `${RESULT} / on (law) group_left () (sum by (law) (${RESULT}) > 0)`;

const NOT_FINAL = 'not final yet';

const now = {
  title: 'Now',
  panels: [
    number({
      title: 'Phase',
      description: 'Where the election stands, as the operator has it on its status.',
      unit: unit.NoUnit,
      width: 4,
      show: 'name',
      queries: [query('{{phase}}', `max by (phase) (${ofElection('scrutin_election_phase')}) == 1`)],
      absent: 'the operator does not tell',
    }),
    number({
      title: 'Turnout',
      description: 'Votes counted by eligible voters, mean of all laws.',
      unit: unit.PercentUnit,
      decimals: 2,
      width: 4,
      queries: [query('turnout', `avg(${TURNOUT})`)],
    }),
    number({
      title: 'Votes counted',
      description: 'Votes in the tally, over all laws: one voter counts once a law.',
      unit: unit.Short,
      queries: [query('votes', `max(${ofElection('scrutin_election_votes')})`)],
    }),
    number({
      title: 'Eligible voters',
      description: 'Distinct voters of the electorate.',
      unit: unit.Short,
      queries: [query('voters', ELIGIBLE)],
    }),
    number({
      title: 'Accepted a second',
      description: 'Votes that were answered with 202: each of them will be counted.',
      unit: unit.CountsPerSecond,
      decimals: 1,
      queries: [query('votes', `sum(${perSecond(ofStages('scrutin_votes_accepted_total'))})`)],
    }),
    number({
      title: 'Oldest vote that waits',
      description:
        'How long the oldest accepted vote has been waiting to be counted. Grows while a stage stands still.',
      unit: unit.Seconds,
      decimals: 1,
      queries: [query('age', `max(${OLDEST_VOTE})`)],
      steps: worseAbove(10, 60),
    }),
    number({
      title: 'In review',
      description:
        'Messages set aside for a person. They hold up the closing until somebody decides: npm run review.',
      unit: unit.Short,
      width: 4,
      queries: [query('messages', ready('queue="review_queue"'))],
      steps: NONE_EXPECTED,
    }),
  ],
};

const votes = {
  title: 'Votes',
  panels: [
    graph({
      title: 'Votes a second',
      description:
        'Received by ingestion, accepted with a 202, and counted in the tally. Counted far below accepted means a growing backlog.',
      unit: unit.CountsPerSecond,
      queries: [
        query('received', `sum(${perSecond(ofStages('scrutin_votes_received_total'))})`),
        query('accepted', `sum(${perSecond(ofStages('scrutin_votes_accepted_total'))})`),
        query(
          'counted',
          `sum(${perSecond(ofStages('scrutin_votes_counted_total', 'outcome="aggregated"'))})`,
        ),
      ],
    }),
    graph({
      title: 'Outcomes',
      description:
        'What came of the votes: aggregated (counted), duplicate (a second vote of one person on one law), invalid (not eligible), redelivered (seen before, changed nothing), reviewed (set aside).',
      unit: unit.CountsPerSecond,
      stacked: true,
      queries: [query('{{outcome}}', rateBy('outcome', ofStages('scrutin_votes_counted_total')))],
    }),
    graph({
      title: 'Refused',
      description: 'Votes that were answered with a problem, by its code. None of them is counted.',
      unit: unit.CountsPerSecond,
      stacked: true,
      queries: [query('{{reason}}', `${rateBy('reason', ofStages('scrutin_votes_refused_total'))} > 0`)],
    }),
    graph({
      title: 'Turnout by law',
      description: 'Votes counted on each law by eligible voters. It says nothing about choices.',
      unit: unit.PercentUnit,
      queries: [query('{{law}}', TURNOUT)],
      legendCalcs: ['lastNotNull'],
    }),
    graph({
      title: 'Votes counted by law',
      description: 'The total of each law in the tally.',
      unit: unit.Short,
      queries: [query('{{law}}', VOTES_OF_LAW)],
      legendCalcs: ['lastNotNull'],
    }),
    graph({
      title: 'Share of duplicate attempts',
      description:
        'Of the votes that were decided, those of a person who had already voted on that law. A jump is an attack or a client that votes again instead of asking for the status.',
      unit: unit.PercentUnit,
      queries: [
        query(
          'duplicates',
          `sum(${perSecond(ofStages('scrutin_votes_decided_total', 'outcome="duplicate"'))}) / sum(${perSecond(ofStages('scrutin_votes_decided_total'))})`,
        ),
      ],
      steps: worseAbove(0.1, 0.3),
    }),
  ],
};

const promptness = {
  title: 'Promptness',
  panels: [
    number({
      title: 'Accepted within 250 ms',
      description:
        'Share of the accepted votes whose 202 was there within 250 ms, over the time shown. The objective is 99.9 %.',
      unit: unit.PercentUnit,
      decimals: 2,
      width: 4,
      queries: [query('share', shareWithin('scrutin_ingestion_accept_seconds', 0.25))],
      steps: worseBelow(0.999, 0.99),
    }),
    number({
      title: 'Counted within 10 s',
      description:
        'Share of the votes that were in the tally within 10 s of their arrival, over the time shown. The objective is 99 %.',
      unit: unit.PercentUnit,
      decimals: 2,
      width: 4,
      queries: [query('share', shareWithin('scrutin_vote_age_at_commit_seconds', 10))],
      steps: worseBelow(0.99, 0.95),
    }),
    graph({
      title: 'Age of votes when counted',
      description: 'From a vote’s arrival at ingestion to the commit that counted it.',
      unit: unit.Seconds,
      queries: [0.5, 0.95, 0.99].map((q) =>
        query(`p${q * 100}`, quantile(q, ofStages('scrutin_vote_age_at_commit_seconds_bucket'))),
      ),
      steps: worseAbove(10, 60),
    }),
    graph({
      title: 'Oldest vote that waits',
      description: 'By queue. Zero when nothing waits.',
      unit: unit.Seconds,
      queries: [query('{{queue}}', OLDEST_VOTE)],
      steps: worseAbove(10, 60),
    }),
  ],
};

const results = {
  title: 'Results, after closing',
  panels: [
    text(
      'The embargo',
      'Nothing about choices is measured while votes can still come: the results stage tells Prometheus the counts of the choices only when the result is **final**, whatever the Election says about live results. A history of early counts, read beside the times of votes, could tell what somebody chose.',
      'Why this row is empty before the result is final.',
    ),
    number({
      title: 'Counts',
      description: 'The final result of each law.',
      unit: unit.Short,
      width: 9,
      show: 'value and name',
      queries: [query('{{law}}: {{choice}}', RESULT)],
      absent: NOT_FINAL,
    }),
    number({
      title: 'Shares',
      description: 'Of the votes on each law.',
      unit: unit.PercentUnit,
      decimals: 2,
      width: 9,
      show: 'value and name',
      queries: [query('{{law}}: {{choice}}', RESULT_SHARE)],
      absent: NOT_FINAL,
    }),
    number({
      title: 'Digest',
      description:
        'Whether the counts in the database have the digest that was published with the result. Anything but “verified” after closing: nobody should announce anything; see the runbook.',
      unit: unit.NoUnit,
      width: 6,
      queries: [query('digest', `min(${ofStages('scrutin_results_digest_verified')})`)],
      words: {
        '1': { text: 'verified', color: 'green' },
        '0': { text: 'the counts differ', color: 'red' },
        '-1': { text: 'none published', color: 'text' },
      },
    }),
  ],
};

export const election = dashboard({
  uid: 'scrutin-election',
  title: 'Scrutin / Election',
  description:
    'One election as its officials see it: turnout, votes a second, what came of them, how soon they are counted, and the result once it is final.',
  elections: 'one',
  rows: [now, votes, promptness, results],
});
