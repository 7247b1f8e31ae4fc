const title = { fr: 'Loi', en: 'Act' };

/** The spec of an Election that is open by a {@link FakeClock}, which begins in 2027, with some of it replaced. */
export const openSpec = (changes: object = {}) => ({
  title,
  laws: [{ id: 'loi-1', title }],
  opensAt: '2026-01-01T00:00:00Z',
  closesAt: '2028-01-01T00:00:00Z',
  electorate: { source: { configMap: { name: 'electorate' } } },
  ...changes,
});
