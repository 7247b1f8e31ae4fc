import {
  bilingualSchema,
  electionIdSchema,
  lawSchema,
  type PublishedElection,
  resultsPolicySchema,
} from '@scrutin/shared/election.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import type { ElectorateLayout } from '@scrutin/shared/voter-slot.ts';
import { z } from 'zod';
import { electorateSourceSchema } from './electorate-source-schema.ts';

export const API_VERSION = 'scrutin.dev/v1alpha1';
export const KIND = 'Election';

/** A Kubernetes object's name (RFC 1123 subdomain). */
const objectNameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a Kubernetes object');

/** An offset can lead out of the four digits that a year has in UTC, as the stages are told it. */
const momentSchema = z.iso
  .datetime({ offset: true, error: 'must be a moment as RFC 3339 writes it' })
  .refine((text) => {
    const at = Date.parse(text);
    // Text that is no moment at all has been told of.
    return Number.isNaN(at) || (at >= FIRST_MOMENT && at <= LAST_MOMENT);
  }, 'must be a moment of the years 1970 to 9999');
const FIRST_MOMENT = 0;
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

export const electorateSchema = z.object({
  source: electorateSourceSchema.describe('Where the hash files are. Exactly one kind.'),
  expected: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe(
      'Number of distinct voters that must be found; with another number the election does not open.',
    ),
  batchSize: z.int().min(1).max(100_000).default(10_000).describe('Hashes sent to Redis together.'),
  shards: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe(
      'Parts that the electorate is cut into: 1 on a single Redis, the number of primaries on a Redis Cluster.',
    ),
});

/** What a person writes: the election as it is wanted. */
export const electionSpecSchema = z
  .object({
    title: bilingualSchema.describe('The election’s title, in French and English.'),
    laws: z
      .array(lawSchema)
      .min(1)
      .max(255)
      .describe('The laws that are voted on. Fixed once voting has begun.'),
    opensAt: momentSchema.describe('From this moment on votes are taken.'),
    closesAt: momentSchema.describe(
      'From this moment on votes are refused. What was accepted before is counted.',
    ),
    electorate: electorateSchema.describe('Who may vote. Fixed once voting has begun.'),
    connectionSecretName: objectNameSchema
      .default('scrutin-connections')
      .describe('Secret with REDIS_URL, RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL and DATABASE_URL.'),
    pepperSecretName: objectNameSchema
      .default('scrutin-pepper')
      .describe('Secret with VOTER_PEPPER, 64 or more hexadecimal digits.'),
    results: resultsPolicySchema
      .default('afterClose')
      .describe('When counts are shown: after closing, or live while people vote.'),
    recordClients: z.boolean().default(false).describe('Keep address and browser of duplicate attempts.'),
    luhn: z.boolean().default(false).describe('The NAS must pass the Luhn check.'),
    revote: z.enum(['first']).default('first').describe('Of a voter’s ballots on a law the first counts.'),
    suspend: z.boolean().default(false).describe('Take no votes while true; nothing is lost.'),
    reclaimPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe('What becomes of queues, electorate and tally when the Election is deleted.'),
  })
  .describe('The election as it is wanted: what is voted on, when, by whom, and with which servers.')
  .superRefine((spec, context) => {
    if (Date.parse(spec.closesAt) <= Date.parse(spec.opensAt))
      context.addIssue({ code: 'custom', path: ['closesAt'], message: 'must be after opensAt' });
    const seen = new Set<string>();
    spec.laws.forEach(({ id }, i) => {
      if (seen.has(id))
        context.addIssue({ code: 'custom', path: ['laws', i, 'id'], message: `${id} stands twice` });
      seen.add(id);
    });
  });
export type ElectionSpec = z.output<typeof electionSpecSchema>;

export const PHASES = ['Pending', 'Preparing', 'Scheduled', 'Open', 'Draining', 'Closed', 'Failed'] as const;
export const phaseSchema = z.enum(PHASES);
export type Phase = z.infer<typeof phaseSchema>;

export const CONDITION_TYPES = [
  'SpecAccepted',
  'ConnectionsReady',
  'SchemaReady',
  'TopologyReady',
  'ElectorateLoaded',
  'Ready',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** A condition as Kubernetes writes it (metav1.Condition). */
export const conditionSchema = z.object({
  type: z.enum(CONDITION_TYPES).describe('What this is about.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so.'),
  reason: z.string().max(1024).describe('One word in CamelCase, for programs.'),
  message: z.string().max(32_768).describe('A sentence that says what is so and what to do.'),
  lastTransitionTime: momentSchema.describe('When status last changed.'),
  observedGeneration: z.int().optional().describe('The generation of spec that this is about.'),
});
export type Condition = z.infer<typeof conditionSchema>;

/** What the operator found, last time it looked. */
export const electionStatusSchema = z
  .object({
    observedGeneration: z.int().optional().describe('The generation of spec that this is about.'),
    phase: phaseSchema.describe(
      'Where the election stands: Pending (servers are not reached), Preparing (the electorate is loaded), Scheduled, Open, Draining (closed, and the last votes are on their way to the tally), Closed (the result is final), or Failed (a person must mend something; Ready says what).',
    ),
    conditions: z
      .array(conditionSchema)
      .max(CONDITION_TYPES.length)
      .describe('Each part that the election needs, and what to do if it is not ready.'),
    electorate: z
      .object({
        source: z.string().max(64).optional().describe('SHA-256 of the source.'),
        processed: z.int().describe('Hashes read.'),
        unique: z.int().describe('Distinct voters.'),
        duplicates: z.int().describe('Hashes that stood more than once.'),
        errors: z.int().describe('Lines that could not be read.'),
      })
      .optional()
      .describe('What was found in the electorate’s hash files so far.'),
    votes: z.int().optional().describe('Votes counted, over all laws.'),
    turnout: z.string().max(16).optional().describe('Votes per eligible voter and law, in per cent.'),
    results: z
      .array(
        z.object({
          lawId: z.string().max(40).describe('The law’s id.'),
          oui: z.int().describe('Votes for it.'),
          non: z.int().describe('Votes against it.'),
          total: z.int().describe('Both together.'),
        }),
      )
      .max(255)
      .optional()
      .describe('Counts per law, after closing.'),
    digest: z.string().max(64).optional().describe('SHA-256 of the result document, after closing.'),
    closedAt: momentSchema.optional().describe('When the result was declared final.'),
  })
  .describe('What the operator found, last time it looked.');
export type ElectionStatus = z.infer<typeof electionStatusSchema>;

export const electionResourceSchema = z.object({
  apiVersion: z.literal(API_VERSION, { error: `must be ${API_VERSION}` }),
  kind: z.literal(KIND, { error: `must be ${KIND}` }),
  metadata: z.looseObject({
    name: electionIdSchema,
    namespace: z.string().optional(),
    generation: z.int().optional(),
  }),
  spec: electionSpecSchema,
  status: electionStatusSchema.partial().optional(),
});
/** An Election with its defaults filled in. */
export type Election = z.output<typeof electionResourceSchema>;

/** The election as the stages are told, with the loaded electorate's number, layout and source digest. */
export function toPublished(
  election: Election,
  eligible: number,
  layout: ElectorateLayout,
  electorateDigest?: string | undefined,
): PublishedElection {
  const { title, laws, opensAt, closesAt, results, recordClients, luhn, suspend } = election.spec;
  return {
    id: election.metadata.name,
    title,
    laws,
    opensAt: timestamp(Date.parse(opensAt)),
    closesAt: timestamp(Date.parse(closesAt)),
    results,
    recordClients,
    luhn,
    suspended: suspend,
    eligible,
    layout,
    ...(electorateDigest !== undefined && { electorateDigest }),
  };
}
