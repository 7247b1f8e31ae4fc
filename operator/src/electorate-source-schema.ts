import { z } from 'zod';

/** On one machine a claim's name is a folder's: it must not lead out of the folder of volumes. */
const nameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a Kubernetes object');

const httpSchema = z.object({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https address' })
    .max(2_048)
    .describe('The file’s address, http or https.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits')
    .meta({ maxLength: 64 })
    .optional()
    .describe('SHA-256 that the file must have, as 64 lower-case hexadecimal digits.'),
  authSecretName: nameSchema.optional().describe('Secret whose `authorization` is sent as that header.'),
});

const s3Schema = z.object({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .describe('Address of the S3-compatible server.'),
  region: z.string().min(1).max(64).default('us-east-1').describe('Region that requests are signed for.'),
  bucket: z.string().min(3).max(63).describe('Name of the bucket.'),
  prefix: z.string().max(1_024).default('').describe('Objects whose key begins so are the hash files.'),
  credentialsSecretName: nameSchema.describe('Secret with accessKeyId and secretAccessKey.'),
});

const kinds = {
  configMap: z
    .object({ name: nameSchema.describe('The ConfigMap’s name, in the Election’s namespace.') })
    .optional()
    .describe('Hash files as entries of a ConfigMap.'),
  secret: z
    .object({ name: nameSchema.describe('The Secret’s name, in the Election’s namespace.') })
    .optional()
    .describe('Hash files as entries of a Secret.'),
  persistentVolumeClaim: z
    .object({
      claimName: nameSchema.describe('The claim’s name, in the Election’s namespace.'),
      path: z
        .string()
        .max(1_024)
        .refine((path) => !path.split('/').includes('..'), 'must not lead out of the volume')
        .default('.')
        .describe('A hash file, or a folder of them, inside the volume.'),
    })
    .optional()
    .describe('Hash files on a volume. On one machine the claim is a folder of that name.'),
  http: httpSchema.optional().describe('A hash file at an address.'),
  s3: s3Schema.optional().describe('Hash files in an S3-compatible bucket.'),
} as const;

export type ElectorateSourceKind = keyof typeof kinds;
export const ELECTORATE_SOURCE_KINDS = Object.keys(kinds) as ElectorateSourceKind[];

/** Where an electorate's hash files are: exactly one of the kinds. */
export const electorateSourceSchema = z
  .object(kinds)
  .refine(
    (source) => ELECTORATE_SOURCE_KINDS.filter((kind) => source[kind] !== undefined).length === 1,
    `must have exactly one of ${ELECTORATE_SOURCE_KINDS.join(', ')}`,
  );
export type ElectorateSourceSpec = z.output<typeof electorateSourceSchema>;
