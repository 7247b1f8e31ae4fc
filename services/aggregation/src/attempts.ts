import { partOf, type VoterVote } from './ballot.ts';

/** Distinct addresses, and distinct agents, kept of one voter and law. */
const MOST_CLIENTS = 20;

export interface Attempts {
  law_id: string;
  voter: string;
  count: number;
  /** Timestamps of ISO 8601 in UTC with milliseconds: their order is that of the text. */
  firstAt: string;
  lastAt: string;
  ips: string[];
  agents: string[];
}

/** Duplicate ballots summed up by voter and law. */
export function sumAttempts(duplicates: readonly VoterVote[]): Attempts[] {
  const sums = new Map<string, Attempts>();
  for (const vote of duplicates) {
    const { law_id, voter, timestamp, ip, user_agent } = vote;
    const part = partOf(vote);
    let sum = sums.get(part);
    if (!sum) {
      sum = { law_id, voter, count: 0, firstAt: timestamp, lastAt: timestamp, ips: [], agents: [] };
      sums.set(part, sum);
    }
    sum.count++;
    if (timestamp < sum.firstAt) sum.firstAt = timestamp;
    if (timestamp > sum.lastAt) sum.lastAt = timestamp;
    keep(sum.ips, ip);
    keep(sum.agents, user_agent);
  }
  return [...sums.values()];
}

function keep(list: string[], item: string | undefined): void {
  if (item !== undefined && list.length < MOST_CLIENTS && !list.includes(item)) list.push(item);
}
