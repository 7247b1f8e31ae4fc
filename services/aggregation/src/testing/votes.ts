import { hash } from 'node:crypto';
import type { Choice } from '@scrutin/shared/choice.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';

const hex = (text: string): string => hash('sha256', text, 'hex');

/** The hash of a voter called `name`. */
export const voterOf = (name: string): string => hex(`voter ${name}`);

/** The id of a ballot called `name`. */
export function ballotOf(name: string): string {
  const digits = hex(`ballot ${name}`);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

export interface Cast {
  ballot: string;
  voter?: string;
  law?: string;
  choice?: Choice;
  at?: string;
  ip?: string;
  agent?: string;
}

const AT = '2026-05-04T10:00:00.000Z';

export const validated = ({
  ballot,
  voter = ballot,
  law = 'loi-1',
  choice = 'oui',
  at = AT,
  ...rest
}: Cast) =>
  ({
    status: 'validated',
    ballot_id: ballotOf(ballot),
    voter: voterOf(voter),
    law_id: law,
    vote: choice,
    timestamp: at,
    duplicate_count: 0,
    ...client(rest),
  }) satisfies DecidedVote;

export const duplicate = ({ ballot, voter = ballot, law = 'loi-1', at = AT, ...rest }: Cast) =>
  ({
    status: 'duplicate',
    ballot_id: ballotOf(ballot),
    voter: voterOf(voter),
    law_id: law,
    timestamp: at,
    duplicate_count: 1,
    ...client(rest),
  }) satisfies DecidedVote;

export const invalid = ({ ballot, law = 'loi-1', at = AT }: Cast) =>
  ({
    status: 'invalid',
    ballot_id: ballotOf(ballot),
    law_id: law,
    timestamp: at,
    duplicate_count: 0,
  }) satisfies DecidedVote;

const client = ({ ip, agent }: { ip?: string; agent?: string }) => ({
  ...(ip !== undefined && { ip }),
  ...(agent !== undefined && { user_agent: agent }),
});
