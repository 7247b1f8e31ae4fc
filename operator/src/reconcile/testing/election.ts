import type { Election, ElectionSpec } from '../../election-resource.ts';
import { parseElection } from '../../read-election.ts';

export const OPENS_AT = Date.parse('2026-05-04T08:00:00Z');
export const CLOSES_AT = Date.parse('2026-05-04T20:00:00Z');

/** An Election on two laws, with some of its spec replaced. */
export function testElection(
  spec: Partial<Omit<ElectionSpec, 'electorate'>> & { electorate?: Partial<ElectionSpec['electorate']> } = {},
  generation?: number,
): Election {
  const title = { fr: 'Loi', en: 'Act' };
  return parseElection({
    apiVersion: 'scrutin.dev/v1alpha1',
    kind: 'Election',
    metadata: { name: 'test', ...(generation !== undefined && { generation }) },
    spec: {
      title: { fr: 'Référendum', en: 'Referendum' },
      laws: [
        { id: 'loi-1', title },
        { id: 'loi-2', title },
      ],
      opensAt: new Date(OPENS_AT).toISOString(),
      closesAt: new Date(CLOSES_AT).toISOString(),
      ...spec,
      electorate: { source: { persistentVolumeClaim: { claimName: 'electorate' } }, ...spec.electorate },
    },
  });
}
