import { hash } from 'node:crypto';
import type { PublishedElection } from './election.ts';

/** A law's sums. */
export interface LawCount {
  lawId: string;
  oui: number;
  non: number;
}

/**
 * The result as one document whose bytes anyone can make again: JSON as RFC 8785 canonicalizes it (members
 * sorted, no white space, here only ASCII strings, whole numbers and booleans), laws in the order of their
 * ids' bytes, a line feed at the end. A law that `counts` lacks has no votes; one that is not the
 * election's is left out.
 *
 *     {"closes_at":"…","election":"…","eligible":N,"final":true,"format":"scrutin.result.v1","laws":[
 *       {"law_id":"…","non_count":N,"oui_count":N,"total_votes":N}, …]}
 *
 * The reconciler publishes the digest of the one with `final`; the results stage serves the bytes.
 */
export function resultDocument(
  election: Pick<PublishedElection, 'id' | 'closesAt' | 'laws'>,
  eligible: number,
  counts: readonly LawCount[],
  final: boolean,
): Buffer {
  const byLaw = new Map(counts.map((count) => [count.lawId, count]));
  const laws = election.laws
    .map((law) => byLaw.get(law.id) ?? { lawId: law.id, oui: 0, non: 0 })
    .sort((a, b) => (a.lawId < b.lawId ? -1 : 1))
    // The members stand in the order that RFC 8785 asks for.
    .map(({ lawId, oui, non }) => ({
      law_id: lawId,
      non_count: non,
      oui_count: oui,
      total_votes: oui + non,
    }));
  const document = {
    closes_at: election.closesAt,
    election: election.id,
    eligible,
    final,
    format: 'scrutin.result.v1',
    laws,
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** SHA-256 of a result document's bytes, 64 hexadecimal digits: what `sha256sum` prints for the file. */
export const resultDigest = (document: Buffer): string => hash('sha256', document, 'hex');
