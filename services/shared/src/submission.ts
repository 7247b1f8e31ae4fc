import { z } from 'zod';
import { choiceSchema } from './choice.ts';
import { codeSchema } from './code.ts';
import { lawIdSchema } from './law-id.ts';
import { nasSchema, passesLuhn } from './nas.ts';

/** What the voter sends. Unknown members are ignored, as the system that this one replaces did. */
export const submissionSchema = z
  .object({ nas: nasSchema, code: codeSchema, law_id: lawIdSchema, vote: choiceSchema })
  .meta({ id: 'Submission' });

/** A checked submission: NAS of nine digits, code in upper case. Lives only in the request (P4). */
export type Submission = z.infer<typeof submissionSchema>;

export interface FieldProblem {
  /** A member of the submission, or the empty string for the body as a whole. */
  field: string;
  /** What the member must be. Never what it was: it may be a NAS or a code (P4). */
  message: string;
}

export type CheckedSubmission =
  | { ok: true; submission: Submission }
  | { ok: false; problems: FieldProblem[] };

/**
 * Checks a decoded JSON body. `luhn` also asks the NAS to pass the Luhn check.
 * Never throws, whatever `body` is.
 */
export function checkSubmission(body: unknown, options: { luhn?: boolean } = {}): CheckedSubmission {
  const parsed = submissionSchema.safeParse(body);
  if (!parsed.success) return { ok: false, problems: fieldProblems(body, parsed.error) };
  if (options.luhn && !passesLuhn(parsed.data.nas))
    return {
      ok: false,
      problems: [{ field: 'nas', message: 'is not a valid NAS: its check digit is wrong' }],
    };
  return { ok: true, submission: parsed.data };
}

function fieldProblems(body: unknown, error: z.ZodError): FieldProblem[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return [{ field: '', message: 'must be a JSON object with the members nas, code, law_id and vote' }];
  const problems = new Map<string, string>();
  for (const issue of error.issues) {
    const field = String(issue.path[0] ?? '');
    if (problems.has(field)) continue;
    const missing = !Object.hasOwn(body, field);
    problems.set(field, missing ? 'is missing' : issue.message);
  }
  return [...problems].map(([field, message]) => ({ field, message }));
}
