import { z } from 'zod';

/** Where a container writes what it ends with (terminationMessagePath); 4096 bytes at the most. */
export const OUTCOME_FILE = '/dev/termination-log';
export const VOLUME_FOLDER = '/electorate';
/** Exit code of a failure that another try can't mend. */
export const LASTING_EXIT_CODE = 3;

/** What a load's Job ends with. */
export const loaderOutcomeSchema = z.union([
  z.object({
    digest: z.string(),
    processed: z.int(),
    unique: z.int(),
    duplicates: z.int(),
    errors: z.int(),
    /** The first bad lines. */
    samples: z.array(z.string()),
  }),
  z.object({ reason: z.string(), message: z.string(), lasting: z.boolean() }),
]);
export type LoaderOutcome = z.infer<typeof loaderOutcomeSchema>;
export type LoaderResult = Extract<LoaderOutcome, { digest: string }>;

/** The outcome in a termination message; undefined if there is none, as after a kill. */
export function parseOutcome(text: string | undefined): LoaderOutcome | undefined {
  try {
    return loaderOutcomeSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}
