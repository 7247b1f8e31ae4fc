import { open } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { type Election, electionResourceSchema } from './election-resource.ts';

/** An Election that can't be used: `problems` has a line for each fault, with the path to it. */
export class ElectionError extends Error {
  override name = 'ElectionError';
  readonly code = 'bad-election';
  /** The file, or what else was read. */
  readonly where: string;
  readonly problems: readonly string[];

  constructor(where: string, problems: readonly string[]) {
    super(`${where}: ${problems.join('; ')}`);
    this.where = where;
    this.problems = problems;
  }
}

/** What a Kubernetes API server takes of one object: a larger file is no Election. Bytes. */
const MOST_BYTES = 1 << 20;

/** Checks an Election and fills in the defaults. Throws {@link ElectionError}; `where` names it there. */
export function parseElection(resource: unknown, where = 'Election'): Election {
  const parsed = electionResourceSchema.safeParse(resource);
  if (parsed.success) return parsed.data;
  throw new ElectionError(
    where,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the document'}: ${message}`),
  );
}

/**
 * Reads an Election from YAML or JSON text. As kubectl does, it refuses a field that there is not: a setting with
 * a slip in its name would be left out without a word. Throws {@link ElectionError}.
 */
export function parseElectionText(text: string, where = 'Election'): Election {
  const resource = parseYaml(text, where);
  const election = parseElection(resource, where);
  const { metadata: _, status: __, ...written } = resource as Record<string, unknown>;
  const unknown = unknownFields(written, election as unknown as Record<string, unknown>);
  if (unknown.length > 0)
    throw new ElectionError(
      where,
      unknown.map((path) => `${path}: there is no such field`),
    );
  return election;
}

/** Reads an Election file. Throws {@link ElectionError}, also when the file can't be read. */
export async function readElectionFile(path: string): Promise<Election> {
  return parseElectionText(await readText(path), path);
}

function parseYaml(text: string, where: string): unknown {
  try {
    const document = parseDocument(text, { prettyErrors: true });
    const [error] = document.errors;
    if (error) throw error;
    // Aliases that multiply (“billion laughs”) are refused; a person's file has few.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const reason =
      error instanceof RangeError
        ? 'nested too deeply'
        : (error as Error).message.split('\n')[0]!.replace(/:$/, '');
    throw new ElectionError(where, [`the document: it is not YAML that can be read: ${reason}`]);
  }
}

/** Paths of what was written and is not in what was understood. */
function unknownFields(written: unknown, understood: unknown, path: readonly string[] = []): string[] {
  if (typeof written !== 'object' || !written || typeof understood !== 'object' || !understood) return [];
  return Object.entries(written).flatMap(([key, value]) => {
    const at = [...path, key];
    if (value === undefined) return [];
    if (!Object.hasOwn(understood, key)) return [at.join('.')];
    return unknownFields(value, (understood as Record<string, unknown>)[key], at);
  });
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > MOST_BYTES)
        throw new ElectionError(path, [`the document: it is larger than ${MOST_BYTES} bytes`]);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ElectionError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `can’t be read (${code})`;
    throw new ElectionError(path, [`the document: ${why}`]);
  }
}
