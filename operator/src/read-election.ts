import { open } from 'node:fs/promises';
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type Election, electionResourceSchema } from './election-resource.ts';

/** An Election that can't be used: `problems` has a line for each fault, with the path to it. */
export class ElectionError extends Error {
  override name = 'ElectionError';
  readonly code = 'bad-election';
  /** The file, or what else was read. */
  readonly where: string;
  readonly problems: readonly string[];

  constructor(where: string, problems: readonly string[]) {
    const told = problems.slice(0, MOST_PROBLEMS).map(inOneLine).map(shortened);
    if (problems.length > told.length) told.push(`and ${problems.length - told.length} more problems`);
    super(`${where}: ${told.join('; ')}`);
    this.where = where;
    this.problems = told;
  }
}

/** A log, a status and a person bear so many, and so many characters of each. */
const MOST_PROBLEMS = 20;
const LONGEST_PROBLEM = 300;
/** A member's name may hold line breaks and what a terminal obeys; both are told as JSON writes them. */
const inOneLine = (problem: string): string =>
  problem.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const shortened = (problem: string): string =>
  problem.length <= LONGEST_PROBLEM
    ? problem
    : `${problem.slice(0, LONGEST_PROBLEM / 2)}…${problem.slice(-LONGEST_PROBLEM / 2)}`;

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
    const lineCounter = new LineCounter();
    // The library compares each key with each other: minutes for a file of 50,000 members. requireUniqueKeys is linear.
    const document = parseDocument(text, { lineCounter, uniqueKeys: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error) throw error;
    requireUniqueKeys(document, lineCounter);
    // Aliases that multiply (“billion laughs”) are refused; a person's file has few.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const [message = ''] = (error as Error).message.split('\n');
    const reason =
      error instanceof RangeError
        ? 'nested too deeply'
        : message.replace(/:$/, '').replace('Maximum call stack size exceeded', 'nested too deeply');
    throw new ElectionError(where, [`the document: it is not YAML that can be read: ${reason}`]);
  }
}

/** Throws at the first key that stands twice in one map: which of the two is meant nobody knows. */
function requireUniqueKeys(document: Document.Parsed, lines: LineCounter): void {
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          const { line, col } = lines.linePos((isScalar(key) && key.range?.[0]) || 0);
          throw new Error(`Map keys must be unique at line ${line}, column ${col}`);
        }
        seen.add(name);
      }
    },
  });
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
