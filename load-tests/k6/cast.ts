import { SharedArray } from 'k6/data';
import http, { type RefinedResponse } from 'k6/http';
import {
  accepted,
  acceptedVoters,
  acceptMs,
  answers202,
  refused,
  refuseMs,
  repeats,
  strangers,
  unexpected,
  unknown,
} from './metrics.ts';
import { type Cast, castOf } from './plan.ts';
import { FIRST, LAWS, ROLL, TARGET } from './settings.ts';

/** One copy for all VUs, a string an elector: a million of them would not fit as objects. */
const roll = new SharedArray('roll', () =>
  ROLL.flatMap((file) =>
    open(file)
      .split('\n')
      .slice(1)
      .filter((line) => line !== ''),
  ),
) as unknown as string[];

const URL = `${TARGET}/api/v1/vote`;
const JSON_TYPE = { 'Content-Type': 'application/json' };
type Answer = RefinedResponse<'text' | 'none' | 'binary' | undefined>;

/** The body of the vote of number `n` of this run. */
export function ballot(n: number): { cast: Cast; body: string } {
  const cast = castOf(FIRST + n, LAWS.length);
  const elector = roll[cast.elector];
  if (elector === undefined) throw new Error(`the roll has ${roll.length} electors, too few for vote ${n}`);
  const [nas, code] = elector.split(',');
  return { cast, body: JSON.stringify({ nas, code, law_id: LAWS[cast.law], vote: cast.choice }) };
}

const params = (tags: Record<string, string>) => ({ headers: JSON_TYPE, tags: { name: 'vote', ...tags } });

/** Casts the vote of number `n` once and notes what became of it. */
export function castOnce(n: number, tags: Record<string, string> = {}): void {
  const { cast, body } = ballot(n);
  note(cast, [http.post(URL, body, params(tags))], tags);
}

/** Casts it `times` times at once, each a ballot of its own. */
export function castTogether(n: number, times: number): void {
  const { cast, body } = ballot(n);
  const requests = Array.from({ length: times }, () => ({
    method: 'POST',
    url: URL,
    body,
    params: params({}),
  }));
  note(cast, Object.values(http.batch(requests)), {});
}

/** Casts a vote of somebody who is on no roll. */
export function castStranger(n: number): void {
  const { body } = ballot(n);
  const vote = JSON.parse(body) as { code: string };
  // No code of the roll ends like this one with the elector's NAS: the roll's codes are one an elector.
  vote.code = vote.code === 'ZZZZZZ' ? 'ZZZZZY' : 'ZZZZZZ';
  const answer = http.post(URL, JSON.stringify(vote), params({}));
  if (answer.status === 202) {
    strangers.add(1);
    answers202.add(1);
  } else if (answer.status === 429 || answer.status === 503) refused.add(1);
  else if (answer.status !== 0) unexpected.add(1);
}

/** All answers are one voter's, who counts once if one of them is a 202. */
function note(cast: Cast, answers: Answer[], tags: Record<string, string>): void {
  let taken = 0;
  let open = 0;
  for (const answer of answers) {
    const ms = answer.timings.duration;
    if (answer.status === 202) {
      taken++;
      answers202.add(1, tags);
      acceptMs.add(ms, tags);
    } else if (answer.status === 429 || answer.status === 503) {
      refused.add(1, tags);
      refuseMs.add(ms, tags);
      if (!answer.headers['Retry-After']) unexpected.add(1);
      if (mayBeTaken(answer)) open++;
    } else if (answer.status === 0) open++;
    else unexpected.add(1);
  }
  if (taken > 0) {
    accepted[cast.law]![cast.choice].add(1);
    acceptedVoters.add(1);
    if (taken > 1) repeats.add(taken - 1);
  } else if (open > 0) unknown[cast.law]![cast.choice].add(1);
}

/** Without the broker's confirm in time nobody knows; every other refusal says that nothing was recorded. */
const mayBeTaken = (answer: Answer): boolean => !String(answer.body).includes('nothing was recorded');
