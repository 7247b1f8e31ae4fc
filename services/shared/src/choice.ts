import { z } from 'zod';

/** What can be voted. The words travel as they are written here, in lower case. */
export const CHOICES = ['oui', 'non'] as const;

export const choiceSchema = z
  .enum(CHOICES, { error: 'must be "oui" or "non"' })
  .meta({ description: 'The choice', example: 'oui' });

export type Choice = z.infer<typeof choiceSchema>;
