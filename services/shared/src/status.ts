import { z } from 'zod';

/**
 * The life of a vote. `pending`: accepted, not decided yet. `validated`: eligible and first, on its way to
 * the tally. `aggregated`: counted. `duplicate` and `invalid` (not eligible) are final and not counted.
 */
export const VOTE_STATUSES = ['pending', 'validated', 'duplicate', 'invalid', 'aggregated'] as const;

export const voteStatusSchema = z.enum(VOTE_STATUSES);
export type VoteStatus = z.infer<typeof voteStatusSchema>;
