import type { LedgerStatement } from './ledger-statements.ts';

/** A way to break the protocol, to see that the checker finds it. None of its members: the product as it is. */
export interface Breakage {
  /** Publishes ingestion's messages. */
  publishVotes?: (publish: Publish) => Publish;
  /** Publishes validation's messages. */
  publishOutcomes?: (publish: Publish) => Publish;
  /** What a consumer waits for before it acknowledges. */
  handle?: <T>(work: (votes: T[]) => Promise<void>) => (votes: T[]) => Promise<void>;
  /** Changes a Lua script. */
  script?: (script: string) => string;
  /** Statements of the ledger that behave otherwise. */
  statements?: Readonly<Record<string, LedgerStatement>>;
  /** False: the marks are not put back. */
  marks?: boolean;
}

type Publish = (content: Buffer) => Promise<void>;

const withoutWaiting = <T>(work: (argument: T) => Promise<void>) => {
  return async (argument: T): Promise<void> => {
    void work(argument).catch(() => {});
  };
};

/** Lets a statement do its work, and makes something else of what it returned. */
const answering =
  (
    statement: LedgerStatement,
    change: (rows: Record<string, unknown>[]) => Record<string, unknown>[],
  ): LedgerStatement =>
  (tables, transaction, values) => {
    const running = statement(tables, transaction, values);
    return (function* () {
      return change(yield* running);
    })();
  };

/** Breakages by what was done. `statements` are the sound ones. */
export const breakages = (
  statements: Readonly<Record<string, LedgerStatement>>,
): Record<string, Breakage> => ({
  'the 202 is sent before the broker’s confirm': { publishVotes: withoutWaiting },
  'a batch is acknowledged before it is durable': { handle: withoutWaiting },
  'outcomes are forwarded without waiting for the confirm': { publishOutcomes: withoutWaiting },
  'the mark does not know its ballot': {
    script: (script) => script.replace(" or call('HGET', mark, field) == tag", ''),
  },
  'votes are decided while the electorate is being loaded': {
    script: (script) =>
      script
        .replace("meta[1] ~= 'ready'", 'false')
        .replace('meta[2] ~= ARGV[1] or meta[3] ~= ARGV[2]', 'false'),
  },
  'the marks are not put back': { marks: false },
  'counters are added from the rows that went in, not from those that came back': {
    statements: { ...statements, 'take-part': answering(statements['take-part']!, () => []) },
  },
  'a ballot that is recorded already is recorded as if it were new': {
    statements: { ...statements, 'record-ballots': answering(statements['record-ballots']!, () => []) },
  },
  'a ballot’s attempt stays when the ballot is counted after all': {
    statements: {
      ...statements,
      'withdraw-attempts': function* () {
        yield* [];
        return [];
      },
    },
  },
});
