import { z } from 'zod';

/** Where a container writes what it ends with (terminationMessagePath). */
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

/** Of a longer message the kubelet keeps the end alone, and nothing could be read of it. */
const MOST_BYTES = 4_096;

/** The outcome as a termination message, with as many of the bad lines as there is room for. */
export function outcomeText(outcome: LoaderOutcome): string {
  const text = JSON.stringify(outcome);
  if (Buffer.byteLength(text) <= MOST_BYTES) return text;
  if ('reason' in outcome) {
    const most = Math.floor(outcome.message.length / 2);
    return outcomeText({ ...outcome, message: `${outcome.message.slice(0, most)}…` });
  }
  return outcomeText({ ...outcome, samples: outcome.samples.slice(0, -1) });
}

/** The outcome in a termination message; undefined if there is none, as after a kill. */
export function parseOutcome(text: string | undefined): LoaderOutcome | undefined {
  try {
    return loaderOutcomeSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}
