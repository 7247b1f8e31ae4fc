import type { VoteStatus } from '@scrutin/shared/status.ts';
import type { Attempt, Ballot, CountReading, History, StatusReading } from './history.ts';

/** What the system says in the end, after everything was repaired and came to rest. */
export interface EndState {
  /** vote_audit. */
  audit: { ballotId: string; lawId: string; status: VoteStatus }[];
  /** participation: hexadecimal voter hashes. */
  participation: { lawId: string; voter: string }[];
  /** duplicate_attempts. */
  attempts: { lawId: string; voter: string; count: number }[];
  /** vote_results. */
  tally: LawCounts[];
  /** What the ledger's own check of its tables against each other finds wrong. */
  invariants: string[];
  /** GET /api/v1/results. */
  results: LawCounts[];
  /** GET /api/v1/ballots/{id} of every ballot whose id is known. */
  statuses: ReadonlyMap<string, VoteStatus>;
  /** What lies in review_queue and was not put into the queues by the test. */
  review: string[];
  /** Ids of messages that nobody can read, put into the queues by the test, and not found in review. */
  lostPoison: string[];
}

export interface LawCounts {
  lawId: string;
  oui: number;
  non: number;
  total: number;
}

/** At most so many problems of one sort are told. */
const MOST_TOLD = 5;

/**
 * Compares the history with the end state. Returns what can't be, in sentences without a choice or a whole voter
 * hash; empty if all the promises were kept.
 */
export function check(history: History, end: EndState): string[] {
  const known = new Map(ballotsOf(history).flatMap((ballot) => (ballot.id ? [[ballot.id, ballot]] : [])));
  return [
    ...checkAnswers(history),
    ...checkBallots(history, end, known),
    ...checkVoters(history, end, known),
    ...checkSums(history, end, known),
    ...checkReadings(history, end),
    ...limited(end.invariants.map((problem) => `the ledger contradicts itself: ${problem}`)),
    ...limited(end.lostPoison.map((id) => `a message that can’t be read is not in review: ${id}`)),
    ...limited(end.review.map((message) => `review holds what was no poison: ${message.slice(0, 200)}`)),
  ];
}

/** A ballot with all that its client knows of it. */
interface Cast {
  ballot: Ballot;
  id: string | undefined;
  /** `accepted`: at least one 202. `maybe`: none, but an outcome is unknown. `refused`: every answer said no. */
  state: 'accepted' | 'maybe' | 'refused';
}

function ballotsOf({ attempts }: History): Cast[] {
  const casts = new Map<Ballot, Cast>();
  for (const { ballot, outcome, requestId } of attempts) {
    const cast = casts.get(ballot) ?? { ballot, id: ballot.ballotId, state: 'refused' };
    if (outcome === 'accepted') cast.state = 'accepted';
    else if (outcome === 'unknown' && cast.state === 'refused') cast.state = 'maybe';
    cast.id ??= requestId;
    casts.set(ballot, cast);
  }
  return [...casts.values()];
}

const groupOf = (lawId: string, voter: string): string => `${lawId}/${voter}`;
const shortly = (group: string): string => group.slice(0, group.indexOf('/') + 9);

function checkAnswers({ attempts }: History): string[] {
  const problems: string[] = [];
  for (const attempt of attempts) {
    const { ballot, outcome, status, code, requestId } = attempt;
    if (ballot.kind === 'malformed' && outcome === 'accepted') problems.push('a malformed vote was accepted');
    if (ballot.kind === 'malformed' && outcome === 'refused' && status !== 400 && status !== 422)
      if (!mayAlwaysBe(attempt)) problems.push(`a malformed vote was refused with ${status} ${code}`);
    if (ballot.kind !== 'malformed' && outcome === 'refused' && !mayAlwaysBe(attempt))
      problems.push(`a well-formed vote was refused with ${status} ${code}`);
    if (outcome === 'accepted' && ballot.ballotId !== undefined && ballot.ballotId !== requestId)
      problems.push(`a retry under the same Idempotency-Key became another ballot: ${requestId}`);
  }
  const ids = new Map<string, Ballot>();
  for (const { ballot, requestId } of attempts) {
    if (requestId === undefined) continue;
    const other = ids.get(requestId);
    if (other && other !== ballot) problems.push(`two ballots were given the id ${requestId}`);
    ids.set(requestId, ballot);
  }
  return limited(problems);
}

/** Refusals that say nothing of the vote itself. */
const mayAlwaysBe = ({ status, code }: Attempt): boolean =>
  status === 503 || status === 429 || code === 'closed' || code === 'not-open';

function checkBallots(history: History, end: EndState, known: ReadonlyMap<string, Cast>): string[] {
  const recorded = new Map(end.audit.map((row) => [row.ballotId, row]));
  const problems: string[] = [];
  if (recorded.size !== end.audit.length) problems.push('a ballot has two rows in vote_audit');
  for (const { ballot, id, state } of ballotsOf(history)) {
    const row = id === undefined ? undefined : recorded.get(id);
    if (state === 'accepted' && !row) problems.push(`accepted and not recorded: ${id}`);
    if (state === 'refused' && row) problems.push(`refused and recorded as ${row.status}: ${id}`);
    if (!row) continue;
    if (row.lawId !== ballot.lawId) problems.push(`recorded under another law: ${id}`);
    if (ballot.kind === 'stranger' && row.status !== 'invalid')
      problems.push(`the ballot of somebody on no roll is ${row.status}: ${id}`);
    if (ballot.kind === 'eligible' && row.status !== 'aggregated' && row.status !== 'duplicate')
      problems.push(`the ballot of an elector is ${row.status}: ${id}`);
  }
  // Without a key the client of a broken connection never learns its ballot's id.
  const nameless = ballotsOf(history).filter(({ id, state }) => id === undefined && state === 'maybe').length;
  const strange = end.audit.filter(({ ballotId }) => !known.has(ballotId)).length;
  if (strange > nameless)
    problems.push(`${strange} ballots are recorded that no client knows; at most ${nameless} can be`);
  for (const [id, status] of end.statuses) {
    const truth = recorded.get(id)?.status ?? 'pending';
    if (status !== truth) problems.push(`the API says ${status}, the ledger ${truth}: ${id}`);
  }
  for (const { id, state } of ballotsOf(history))
    if (id !== undefined && state === 'accepted' && !end.statuses.has(id))
      problems.push(`the API was not asked for ${id}`);
  return limited(problems);
}

function checkVoters(history: History, end: EndState, known: ReadonlyMap<string, Cast>): string[] {
  const problems: string[] = [];
  const participants = new Set(end.participation.map(({ lawId, voter }) => groupOf(lawId, voter)));
  if (participants.size !== end.participation.length) problems.push('somebody takes part twice in one law');
  const attemptsOf = new Map(end.attempts.map(({ lawId, voter, count }) => [groupOf(lawId, voter), count]));
  const statusOf = new Map(end.audit.map(({ ballotId, status }) => [ballotId, status]));
  const groups = Map.groupBy(
    ballotsOf(history).filter(({ ballot }) => ballot.kind !== 'malformed'),
    ({ ballot }) => groupOf(ballot.lawId, ballot.voter),
  );
  let namelessCounted = 0;
  let namelessDuplicates = 0;
  for (const [group, casts] of groups) {
    const who = shortly(group);
    const has = (status: VoteStatus) => casts.filter(({ id }) => id && statusOf.get(id) === status).length;
    const [counted, duplicates] = [has('aggregated'), has('duplicate')];
    const nameless = casts.filter(({ id, state }) => id === undefined && state === 'maybe').length;
    const stranger = casts.some(({ ballot }) => ballot.kind === 'stranger');
    const takesPart = participants.has(group);
    if (counted > 1) problems.push(`counted ${counted} times: ${who}`);
    if (stranger && takesPart) problems.push(`somebody on no roll takes part: ${who}`);
    if (counted === 1 && !takesPart) problems.push(`counted without taking part: ${who}`);
    if (takesPart && counted === 0) {
      if (nameless === 0) problems.push(`takes part and none of the ballots is counted: ${who}`);
      namelessCounted++;
    }
    if (!takesPart && duplicates > 0) problems.push(`duplicates, but nothing is counted: ${who}`);
    const attempts = attemptsOf.get(group) ?? 0;
    const most = duplicates + nameless - (takesPart && counted === 0 ? 1 : 0);
    if (attempts < duplicates || attempts > most)
      problems.push(`${attempts} duplicate attempts instead of ${duplicates} to ${most}: ${who}`);
    namelessDuplicates += attempts - duplicates;
  }
  for (const group of participants)
    if (!groups.has(group)) problems.push(`takes part and never voted: ${shortly(group)}`);
  for (const group of attemptsOf.keys())
    if (!groups.has(group)) problems.push(`has duplicate attempts and never voted: ${shortly(group)}`);
  const strange = (status: VoteStatus) =>
    end.audit.filter((row) => row.status === status && !known.has(row.ballotId)).length;
  if (strange('aggregated') !== namelessCounted)
    problems.push(
      `${strange('aggregated')} ballots that no client knows are counted, but ${namelessCounted} voters have one`,
    );
  if (strange('duplicate') !== namelessDuplicates)
    problems.push(
      `${strange('duplicate')} ballots that no client knows are duplicates, but voters have ${namelessDuplicates}`,
    );
  return limited(problems);
}

function checkSums(history: History, end: EndState, known: ReadonlyMap<string, Cast>): string[] {
  const problems: string[] = [];
  const laws = new Set([
    ...end.tally.map(({ lawId }) => lawId),
    ...history.attempts.filter(({ ballot }) => ballot.kind !== 'malformed').map(({ ballot }) => ballot.lawId),
  ]);
  for (const lawId of laws) {
    const tally = end.tally.find((law) => law.lawId === lawId) ?? { lawId, oui: 0, non: 0, total: 0 };
    const results = end.results.find((law) => law.lawId === lawId);
    const participants = end.participation.filter((row) => row.lawId === lawId).length;
    const counted = end.audit.filter((row) => row.lawId === lawId && row.status === 'aggregated');
    if (tally.oui + tally.non !== tally.total) problems.push(`${lawId}: the tally does not add up`);
    if (tally.total !== participants)
      problems.push(`${lawId}: ${tally.total} votes in the tally, ${participants} take part`);
    if (tally.total !== counted.length)
      problems.push(`${lawId}: ${tally.total} votes in the tally, ${counted.length} ballots counted`);
    if (results?.oui !== tally.oui || results.non !== tally.non || results.total !== tally.total)
      problems.push(`${lawId}: the results API tells other counts than the tally holds`);
    // Of a ballot that was sent with both choices, or that no client knows, either may be the one counted.
    const choices = counted.map(({ ballotId }) => new Set(known.get(ballotId)?.ballot.choices));
    for (const choice of ['oui', 'non'] as const) {
      const least = choices.filter((sent) => sent.size === 1 && sent.has(choice)).length;
      const most = choices.filter((sent) => sent.size !== 1 || sent.has(choice)).length;
      if (tally[choice] < least || tally[choice] > most)
        problems.push(`${lawId}: ${tally[choice]} ${choice} in the tally instead of ${least} to ${most}`);
    }
  }
  return limited(problems);
}

/** What was read while the round went on: counted is for ever, and sums only grow. */
function checkReadings({ statuses, counts }: History, end: EndState): string[] {
  const problems: string[] = [];
  const last = new Map(end.statuses);
  const counted = new Map<string, StatusReading>();
  for (const reading of statuses.toSorted((a, b) => a.at - b.at)) {
    const before = counted.get(reading.ballotId);
    if (before && reading.status !== 'aggregated')
      problems.push(`was counted and then ${reading.status}: ${reading.ballotId}`);
    if (reading.status === 'aggregated') counted.set(reading.ballotId, reading);
  }
  for (const id of counted.keys())
    if (last.get(id) !== 'aggregated') problems.push(`was counted and is ${last.get(id)} in the end: ${id}`);
  const highest = new Map<string, CountReading>();
  for (const reading of counts.toSorted((a, b) => a.at - b.at)) {
    const before = highest.get(reading.lawId);
    if (before && (reading.oui < before.oui || reading.non < before.non))
      problems.push(`${reading.lawId}: the results API took votes back`);
    highest.set(reading.lawId, reading);
  }
  for (const { lawId, oui, non } of highest.values()) {
    const law = end.results.find((result) => result.lawId === lawId);
    if (!law || law.oui < oui || law.non < non) problems.push(`${lawId}: votes that were shown are gone`);
  }
  return limited(problems);
}

const limited = (problems: string[]): string[] =>
  problems.length <= MOST_TOLD
    ? problems
    : [...problems.slice(0, MOST_TOLD), `… and ${problems.length - MOST_TOLD} more like these`];
