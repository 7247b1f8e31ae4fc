import { readFileSync } from 'node:fs';
import { pause } from '@scrutin/shared/retry.ts';
import pg from 'pg';
import { withDatabase } from '../../support/tally-check.ts';
import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin, persistently, type Scene } from '../scene.ts';

/** In order, as a package's update does it: every session is told that the server goes down. */
export const restartPostgres: FaultKind = (random) => {
  const downFor = random.between(0, 1_000);
  return {
    says: `PostgreSQL stopped in order (SIGINT), started again after ${downFor} ms`,
    at: midway(random),
    strike: async (scene) => {
      await scene.servers.end('postgres', 'SIGINT');
      await pauseWithin(scene, downFor);
      await scene.servers.repair();
    },
  };
};

/** What a commit may fail with: SQLSTATEs of PostgreSQL's manual, appendix A. */
const COMMIT_ERRORS = {
  '40001': 'a serialization failure',
  '40P01': 'a deadlock',
  '53100': 'a full disk',
  '53200': 'no memory',
  '57014': 'a time-out',
  '58030': 'an I/O error',
  XX000: 'an internal error',
} as const;

/** A trigger that is deferred to the commit fails it. */
export const failCommits: FaultKind = (random) => {
  const code = random.pick(Object.keys(COMMIT_ERRORS)) as keyof typeof COMMIT_ERRORS;
  const percent = random.between(5, 60);
  const ms = random.between(500, 3_000);
  return {
    says: `${percent} % of the rows fail their commit with ${code} (${COMMIT_ERRORS[code]}) for ${ms} ms`,
    at: midway(random),
    strike: async (scene) => {
      await asOwner(
        scene,
        `create function fail_commit() returns trigger language plpgsql as $$
         begin
           if random() < ${percent / 100} then
             raise exception 'this commit was made to fail' using errcode = '${code}';
           end if;
           return null;
         end $$;
         create constraint trigger fail_commit after insert on vote_audit
           deferrable initially deferred for each row execute function fail_commit()`,
      );
      await pauseWithin(scene, ms);
      await asOwner(scene, 'drop function fail_commit() cascade');
    },
  };
};

/** Every connection is somebody else's, and the stages' own are ended. */
export const exhaustConnections: FaultKind = (random) => {
  const ms = random.between(500, 3_000);
  return {
    says: `PostgreSQL has no connection left for ${ms} ms`,
    at: midway(random),
    strike: async (scene) => {
      const held: pg.Client[] = [];
      const until = performance.now() + ms;
      while (performance.now() < until && !scene.over.aborted) {
        const client = new pg.Client({ connectionString: scene.election.urls.DATABASE_URL });
        client.on('error', () => {});
        try {
          await client.connect();
          held.push(client);
          if (held.length % 40 === 0)
            await client.query(
              'select pg_terminate_backend(pid) from pg_stat_activity where application_name like $1',
              ['scrutin%'],
            );
        } catch {
          await pause(50);
        }
      }
      await Promise.allSettled(held.map((client) => client.end()));
    },
  };
};

export const fillPostgresVolume: FaultKind = (random) => {
  const ms = random.between(1_500, 5_000);
  const left = random.pick([0, 0, 8, 64]) * 1024;
  return {
    says: `PostgreSQL’s volume has ${left / 1024} KiB left for ${ms} ms`,
    at: midway(random),
    strike: async (scene) => {
      // Without root there is no volume to fill, and the round goes on without this fault.
      scene.servers.volume?.fill(left);
      const before = errorsFor(scene, 'No space left on device');
      await pauseWithin(scene, ms);
      scene.servers.volume?.clear();
      // Nothing needed room meanwhile: then this round says nothing of a full disk.
      if (errorsFor(scene, 'No space left on device') === before) scene.missed++;
      await scene.servers.repair();
    },
  };
};

/** How often PostgreSQL's log, of this start, has it. */
const errorsFor = ({ servers }: Scene, text: string): number =>
  readFileSync(servers.file.path('logs', 'postgres.log'), 'utf8').split(text).length - 1;

/** Tries until the server, which another fault may have down, has taken it. */
async function asOwner(scene: Scene, statement: string): Promise<void> {
  await persistently(async () => {
    try {
      await withDatabase(scene.election.databaseUrl, (client) => client.query(statement));
    } catch (error) {
      // 42710, 42723: an earlier try has made it after all; 42883: it is gone.
      if (!/^42(710|723|883)$/.test((error as { code?: string }).code ?? '')) throw error;
    }
  }, 100);
}
