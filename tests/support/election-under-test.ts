import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { electionDatabaseUrl, electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { luhnCheckDigit } from '@scrutin/shared/nas.ts';
import { electorHash } from '@scrutin/shared/voter-hash.ts';
import type { Elector } from '../../load-tests/plan-votes.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { freePort, StageProcess } from './stage-process.ts';

export interface ElectionOptions {
  urls: ServerUrls;
  voters: number;
  laws?: readonly string[];
  validations?: number;
  aggregations?: number;
  /** Members of the Election's spec that the test is about. */
  spec?: Record<string, unknown>;
  /** Settings for all stages. */
  env?: Record<string, string>;
  /** Milliseconds until all must be ready to take votes; by default a minute. */
  readyMs?: number;
  /** Changes the settings of a stage (`validation-1`), as proxies in front of its servers need it. */
  settingsOf?: (stage: string, settings: Record<string, string>) => Record<string, string>;
}

/** Codes of the electors; people may well have the same. */
const CODES = 25;

/** An election of its own on given servers, with the operator and every stage as processes. */
export class ElectionUnderTest {
  readonly id = `t-${randomBytes(6).toString('hex')}`;
  readonly folder = mkdtempSync(join(tmpdir(), 'scrutin-test-'));
  readonly pepper = randomBytes(32).toString('hex');
  readonly electors: readonly Elector[];
  readonly laws: readonly string[];
  readonly databaseUrl: string;
  readonly urls: ServerUrls;
  readonly operator: StageProcess;
  readonly ingestion: StageProcess;
  readonly validations: readonly StageProcess[];
  readonly aggregations: readonly StageProcess[];
  readonly results: StageProcess;

  private constructor(options: ElectionOptions, ports: number[]) {
    const { urls, voters, laws = ['loi-1', 'loi-2'], validations = 2, aggregations = 2 } = options;
    this.urls = urls;
    this.laws = laws;
    this.databaseUrl = electionDatabaseUrl(urls.DATABASE_URL, this.id);
    this.electors = makeElectors(voters);
    const volume = join(this.folder, 'volumes', 'roll');
    mkdirSync(volume, { recursive: true });
    writeFileSync(
      join(volume, 'hashes.txt'),
      this.electors.map(({ nas, code }) => `${electorHash(nas, code).toString('hex')}\n`).join(''),
    );
    const electionFile = join(this.folder, 'election.json');
    writeFileSync(electionFile, JSON.stringify(this.#resource(options)));
    const env = {
      ELECTION_ID: this.id,
      VOTER_PEPPER: this.pepper,
      REDIS_URL: urls.REDIS_URL,
      RABBITMQ_URL: electionRabbitmqUrl(urls.RABBITMQ_URL, this.id),
      DATABASE_URL: this.databaseUrl,
      RATE_LIMIT_PER_MINUTE: '0',
      LOG_LEVEL: 'debug',
      ...options.env,
    };
    const settingsOf = options.settingsOf ?? ((_stage, settings) => settings);
    const process = (name: string, main: string, extra: Record<string, string> = {}) =>
      new StageProcess({
        name,
        main,
        port: ports.shift()!,
        env: settingsOf(name, { ...env, ...extra }),
        logFile: join(this.folder, `${name}.log`),
      });
    this.operator = process('operator', 'operator/src/local.ts', {
      RABBITMQ_URL: urls.RABBITMQ_URL,
      RABBITMQ_MANAGEMENT_URL: urls.RABBITMQ_MANAGEMENT_URL,
      DATABASE_URL: urls.DATABASE_URL,
      ELECTION_FILE: electionFile,
      STATUS_FILE: join(this.folder, 'status.json'),
      VOLUMES: join(this.folder, 'volumes'),
      RESYNC_MS: '1000',
    });
    this.results = process('results', 'services/results/src/main.ts');
    this.ingestion = process('ingestion', 'services/ingestion/src/main.ts', {
      RESULTS_URL: this.results.url,
    });
    const several = (count: number, stage: string) =>
      Array.from({ length: count }, (_, i) => process(`${stage}-${i + 1}`, `services/${stage}/src/main.ts`));
    this.validations = several(validations, 'validation');
    this.aggregations = several(aggregations, 'aggregation');
  }

  /** Everything started and ready to take votes. */
  static async start(options: ElectionOptions): Promise<ElectionUnderTest> {
    const count = 3 + (options.validations ?? 2) + (options.aggregations ?? 2);
    const ports: number[] = [];
    while (ports.length < count) {
      const port = await freePort();
      if (!ports.includes(port)) ports.push(port);
    }
    const election = new ElectionUnderTest(options, ports);
    try {
      for (const stage of election.stages) stage.start();
      await Promise.all(election.stages.map((stage) => stage.ready(options.readyMs ?? 60_000)));
    } catch (error) {
      await election.stop();
      throw error;
    }
    return election;
  }

  get stages(): readonly StageProcess[] {
    return [this.operator, this.ingestion, ...this.validations, ...this.aggregations, this.results];
  }

  /** Every line that the stages and the operator have written. */
  logs(): string {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => readFileSync(join(this.folder, name), 'utf8'))
      .join('\n');
  }

  /** Ends every process. The election's data stay on the servers until {@link remove}. */
  async stop(): Promise<void> {
    await Promise.all(this.stages.map((stage) => stage.stop()));
  }

  /** Removes what the test left in the temporary folder. */
  discardFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #resource({ spec }: ElectionOptions): object {
    return {
      apiVersion: 'scrutin.dev/v1alpha1',
      kind: 'Election',
      metadata: { name: this.id },
      spec: {
        title: { fr: 'Essai', en: 'Test' },
        laws: this.laws.map((id) => ({ id, title: { fr: `Loi ${id}`, en: `Law ${id}` } })),
        opensAt: '2026-01-01T00:00:00.000Z',
        closesAt: '2100-01-01T00:00:00.000Z',
        electorate: { source: { persistentVolumeClaim: { claimName: 'roll' } } },
        connectionSecretName: 'connections',
        pepperSecretName: 'pepper',
        results: 'live',
        ...spec,
      },
    };
  }
}

/**
 * Distinct electors with valid NAS. No code can be taken for hexadecimal digits, so that a leak is told apart; and there are few codes,
 * mostly of digits, because half a megabyte of hashes, as Redis holds them, has any one of thousands in it by chance once in a thousand runs.
 */
function makeElectors(count: number): Elector[] {
  return Array.from({ length: count }, (_, i) => {
    const eight = String(10_000_000 + i * 7).padStart(8, '0');
    return { nas: eight + luhnCheckDigit(eight), code: `QZ${7_301 + (i % CODES) * 83}` };
  });
}
