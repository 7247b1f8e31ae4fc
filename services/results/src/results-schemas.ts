import { bilingualSchema, electionIdSchema, resultsPolicySchema } from '@scrutin/shared/election.ts';
import { lawIdSchema } from '@scrutin/shared/law-id.ts';
import { voteStatusSchema } from '@scrutin/shared/status.ts';
import { timestampSchema } from '@scrutin/shared/timestamp.ts';
import { z } from 'zod';
import { PHASES } from './snapshot.ts';

/** What the API sends, from which types and OpenAPI come. */
const count = z.int().min(0);
const percent = z.number().min(0).nullable();

const electionShape = {
  election_id: electionIdSchema,
  title: bilingualSchema,
  phase: z
    .enum(PHASES)
    .describe('`counting`: closed, accepted votes may still be on their way; `final`: no count will change'),
  opens_at: timestampSchema,
  closes_at: timestampSchema,
  results: resultsPolicySchema.describe('When counts are shown'),
  eligible: count.describe('People who may vote; 0 until the electorate is loaded'),
  final: z.boolean(),
};

const lawShape = {
  law_id: lawIdSchema,
  title: bilingualSchema,
};

const turnoutShape = {
  total_votes: count,
  eligible: count,
  turnout_percent: percent.describe('total_votes of eligible, two decimals; null while eligible is 0'),
  updated_at: timestampSchema.nullable().describe('When a vote was last counted'),
};

export const lawResultSchema = z.object({
  ...lawShape,
  oui_count: count,
  non_count: count,
  oui_percent: percent.describe('Of total_votes, two decimals; null without votes'),
  non_percent: percent.describe('100 - oui_percent'),
  ...turnoutShape,
  final: z.boolean().describe('False while counts may still change'),
});
export type LawResult = z.infer<typeof lawResultSchema>;

export const lawTurnoutSchema = z.object({ ...lawShape, ...turnoutShape });
export type LawTurnout = z.infer<typeof lawTurnoutSchema>;

export const electionSchema = z.object({
  ...electionShape,
  laws: z.array(z.object({ ...lawShape, question: bilingualSchema.optional() })),
});
export type ElectionView = z.infer<typeof electionSchema>;

export const resultsSchema = z.object({
  ...electionShape,
  closed_at: timestampSchema.nullable().describe('When the result was declared final'),
  digest: z.string().nullable().describe('SHA-256 of the final results.json, as it was published'),
  digest_verified: z
    .boolean()
    .nullable()
    .describe('Whether the counts shown still have the published digest; null while none is published'),
  laws: z.array(lawResultSchema),
});
export type ResultsView = z.infer<typeof resultsSchema>;

export const turnoutSchema = z.object({ ...electionShape, laws: z.array(lawTurnoutSchema) });
export type TurnoutView = z.infer<typeof turnoutSchema>;

export const ballotSchema = z.object({
  ballot_id: z.uuid(),
  status: voteStatusSchema.describe(
    '`pending`: on its way; `aggregated`: counted; `duplicate` and `invalid`: not counted. Never a choice',
  ),
  law_id: lawIdSchema.nullable().describe('Null while pending'),
});
export type BallotView = z.infer<typeof ballotSchema>;

/** The file `results.json`, see the module result-document. */
export const resultFileSchema = z.object({
  closes_at: timestampSchema,
  election: electionIdSchema,
  eligible: count,
  final: z.boolean(),
  format: z.literal('scrutin.result.v1'),
  laws: z.array(z.object({ law_id: lawIdSchema, non_count: count, oui_count: count, total_votes: count })),
});
