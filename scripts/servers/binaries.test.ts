import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findBinaries, missing } from './binaries.ts';
import { reachable } from './postgres-server.ts';
import { SERVERS } from './state.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scrutin-binaries-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(path: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), '', { mode: 0o755 });
}
/** A PATH of the test's own; folders of this machine are only looked at under `root`. */
const find = (postgresMajor?: number) => findBinaries({ path: join(root, 'path'), root, postgresMajor });

describe('finding the servers’ programs', () => {
  test('finds Debian’s, and RabbitMQ’s own script rather than the one that changes user', () => {
    program('usr/bin/redis-server');
    program('usr/sbin/rabbitmq-server');
    program('usr/bin/epmd');
    expect(find().rabbitmq).toBeUndefined();
    program('usr/lib/rabbitmq/bin/rabbitmq-server');
    expect(find().rabbitmq?.server).toBe(join(root, 'usr/lib/rabbitmq/bin/rabbitmq-server'));
    expect(missing(find(), SERVERS)).toEqual(['postgres']);
  });

  test('takes the newest PostgreSQL, or the one that made the data', () => {
    for (const version of ['9', '15', '17']) program(`usr/lib/postgresql/${version}/bin/postgres`);
    mkdirSync(join(root, 'usr/lib/postgresql/18'), { recursive: true });
    expect(find().postgres).toEqual({ bin: join(root, 'usr/lib/postgresql/17/bin'), major: 17 });
    expect(find(15).postgres?.major).toBe(15);
    expect(find(16).postgres).toBeUndefined();
  });
});

test('a folder below one that others may not enter is not reachable for PostgreSQL’s user', () => {
  const inner = join(root, 'home', 'project');
  mkdirSync(inner, { recursive: true });
  chmodSync(root, 0o755);
  expect(reachable(inner)).toBe(true);
  chmodSync(join(root, 'home'), 0o700);
  expect(reachable(inner)).toBe(false);
});
