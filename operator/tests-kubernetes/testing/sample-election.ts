import { API_VERSION, KIND } from '../../src/election-resource.ts';

type Fields = Record<string, unknown>;

/** The least that a person must write. */
export const sampleSpec = (): Fields => ({
  title: { fr: 'Référendum', en: 'Referendum' },
  laws: [{ id: 'loi-1', title: { fr: 'Loi 1', en: 'Law 1' } }],
  opensAt: '2027-06-01T08:00:00-04:00',
  closesAt: '2027-06-01T20:00:00-04:00',
  electorate: { source: { configMap: { name: 'electorate' } } },
});

/** An Election of that name; `changes` replace fields of the spec, and those that are undefined are left out. */
export function sampleElection(name: string, changes: Fields = {}, namespace = 'default') {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace },
    spec: { ...sampleSpec(), ...changes },
  };
}

/** A law with that id. */
export const sampleLaw = (id: string): Fields => ({ id, title: { fr: `Loi ${id}`, en: `Law ${id}` } });
