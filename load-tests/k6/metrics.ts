import { Counter, Trend } from 'k6/metrics';
import { counterName } from './plan.ts';
import { LAWS } from './settings.ts';

const CHOICES = ['oui', 'non'] as const;
const perChoice = (outcome: 'accepted' | 'unknown') =>
  LAWS.map((_, law) => ({
    oui: new Counter(counterName(outcome, law, CHOICES[0])),
    non: new Counter(counterName(outcome, law, CHOICES[1])),
  }));

/** Voters whose vote was answered with 202, by law and choice: what must be counted. */
export const accepted = perChoice('accepted');
/** Voters of whom it isn't known whether the vote was taken: no answer, or no confirm of the broker's in time. */
export const unknown = perChoice('unknown');
/** Every 202, also a voter's second one. */
export const answers202 = new Counter('accepted_requests');
/** Voters with a 202. */
export const acceptedVoters = new Counter('accepted_voters');
/** 202s after a voter's first: each must be recorded as a duplicate. */
export const repeats = new Counter('accepted_repeats');
/** 202s of people who are not on the roll: each must be recorded as invalid. */
export const strangers = new Counter('accepted_strangers');
/** 429 and 503: clean refusals with Retry-After. */
export const refused = new Counter('refused');
/** Answers that should not have been given; must stay 0. */
export const unexpected = new Counter('unexpected');
/** Milliseconds from sending a vote to its 202. */
export const acceptMs = new Trend('accept_ms', true);
/** Milliseconds from sending a vote to its 429 or 503. */
export const refuseMs = new Trend('refuse_ms', true);
/** Milliseconds of a page or an answer of results. */
export const readMs = new Trend('read_ms', true);
