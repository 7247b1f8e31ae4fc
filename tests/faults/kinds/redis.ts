import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type FaultKind, midway } from '../fault.ts';
import { pauseWithin, type Scene } from '../scene.ts';

/** What `appendfsync everysec` may lose when the machine goes down: the last second of the append-only file. */
export const truncateRedis: FaultKind = (random) => {
  const lost = random.between(200, 1_000);
  return {
    says: `Redis killed, and back without the last ${lost} ms of its append-only file`,
    at: midway(random),
    strike: async (scene) => {
      const before = appendOnlyFile(scene);
      if (!before) return;
      await pauseWithin(scene, lost);
      await scene.servers.kill('redis');
      const now = appendOnlyFile(scene);
      // A rewrite in between begins another file; that it then loses nothing is all right.
      if (now?.path === before.path && now.size > before.size) truncateSync(now.path, before.size);
      await scene.servers.repair();
    },
  };
};

export const loseRedis: FaultKind = (random) => {
  const downFor = random.between(0, 1_000);
  return {
    says: `Redis killed, and back empty after ${downFor} ms`,
    at: midway(random),
    strike: async (scene) => {
      await scene.servers.kill('redis');
      for (const name of readdirSync(folderOf(scene)))
        if (name !== 'redis.conf') rmSync(join(folderOf(scene), name), { recursive: true });
      await pauseWithin(scene, downFor);
      await scene.servers.repair();
    },
  };
};

const folderOf = ({ servers }: Scene): string => servers.file.path('redis');

/** The newest incremental file: Redis 7 and later keep a base and what came after it in a folder. */
function appendOnlyFile(scene: Scene): { path: string; size: number } | undefined {
  const folder = join(folderOf(scene), 'appendonlydir');
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .at(-1);
  return newest === undefined ? undefined : { path: newest, size: statSync(newest).size };
}
