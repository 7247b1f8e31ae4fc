import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { type Election, electionResourceSchema } from './election-resource.ts';

/** An Election that can't be used: `problems` has a line for each fault, with the path to it. */
export class ElectionError extends Error {
  override name = 'ElectionError';
  readonly code = 'bad-election';
  readonly problems: readonly string[];

  constructor(where: string, problems: readonly string[]) {
    super(`${where}: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/** Checks an Election and fills in the defaults. Throws {@link ElectionError}; `where` names it there. */
export function parseElection(resource: unknown, where = 'Election'): Election {
  const parsed = electionResourceSchema.safeParse(resource);
  if (parsed.success) return parsed.data;
  throw new ElectionError(
    where,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the document'}: ${message}`),
  );
}

/** Reads an Election from YAML or JSON text. Throws {@link ElectionError}. */
export function parseElectionText(text: string, where = 'Election'): Election {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new ElectionError(where, [error.message.split('\n')[0]!]);
  return parseElection(document.toJS({ maxAliasCount: 100 }), where);
}

/** Reads an Election file. Throws {@link ElectionError}, also when the file can't be read. */
export async function readElectionFile(path: string): Promise<Election> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ElectionError(path, [code === 'ENOENT' ? 'there is no such file' : `can’t be read (${code})`]);
  }
  return parseElectionText(text, path);
}
