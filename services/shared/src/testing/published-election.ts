import type { PublishedElection } from '../election.ts';

/** An election as the operator publishes it: open from the beginning of 2026 on, one law, live results. */
export const publishedElection = (
  own: Pick<PublishedElection, 'id' | 'layout'> & Partial<PublishedElection>,
): PublishedElection => ({
  title: { fr: 'Essai', en: 'Trial' },
  laws: [{ id: 'loi-1', title: { fr: 'Une', en: 'One' } }],
  opensAt: '2026-01-01T00:00:00.000Z',
  closesAt: '2126-01-01T00:00:00.000Z',
  results: 'live',
  recordClients: false,
  luhn: false,
  suspended: false,
  eligible: 0,
  ...own,
});
