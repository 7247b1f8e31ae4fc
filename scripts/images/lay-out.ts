/**
 * Runs in the Dockerfile's first stage: lays out the root file system of each image under a folder, from the
 * sources and the npm packages beside it. Node built-ins only.
 *
 *   node scripts/images/lay-out.ts OUT   (SOURCE_DATE_EPOCH: seconds, the time that every file gets; REVISION: the commit)
 */
import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reach } from './imports.ts';
import { packageClosure } from './package-closure.ts';
import { layOutRuntime } from './runtime-root.ts';
import { isForTests, isIdle, LOADED_BY_NAME, PARTS, TARGETS, type Target } from './targets.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Copies the files below `from` for which `wanted` says so; folders come into being with their first file. */
function copyTree(from: string, to: string, wanted: (path: string) => boolean, below = ''): void {
  for (const entry of readdirSync(join(from, below), { withFileTypes: true })) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') copyTree(from, to, wanted, path);
    } else if (entry.isFile() && wanted(path)) {
      mkdirSync(dirname(join(to, path)), { recursive: true });
      copyFileSync(join(from, path), join(to, path));
      chmodSync(join(to, path), 0o644);
    }
  }
}

function layOutTarget({ folders, programs }: Target, app: string): void {
  for (const folder of folders)
    copyTree(join(PROJECT, folder), join(app, folder), (path) => !isForTests(path));
  const { packages, missing } = reach(PROJECT, programs);
  if (missing.length > 0) throw new Error(`not there: ${missing.join(', ')}`);
  for (const folder of packageClosure(PROJECT, [...packages, ...LOADED_BY_NAME])) {
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const parts = PARTS[name];
    copyTree(join(PROJECT, folder), join(app, folder), (path) =>
      parts ? parts.includes(path) : !isIdle(path),
    );
  }
  mkdirSync(join(app, 'node_modules/@scrutin'), { recursive: true });
  symlinkSync('../../services/shared', join(app, 'node_modules/@scrutin/shared'));
  copyFileSync(join(PROJECT, 'scripts/images/livez.mjs'), join(app, 'livez.mjs'));
  copyFileSync(join(PROJECT, 'LICENSE'), join(app, 'LICENSE'));
  writeFileSync(join(app, 'revision'), `${process.env.REVISION || 'unknown'}\n`);
}

/** The same time for all, folders after what is in them. */
function setTimes(path: string, seconds: number): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) setTimes(join(path, entry.name), seconds);
    else lutimesSync(join(path, entry.name), seconds, seconds);
  lutimesSync(path, seconds, seconds);
}

const out = process.argv[2];
if (out === undefined) throw new Error('lay-out.ts needs the folder to write to');
for (const [name, target] of Object.entries(TARGETS)) layOutTarget(target, join(out, name, 'app'));
layOutRuntime(join(out, 'runtime'));
setTimes(out, Number(process.env.SOURCE_DATE_EPOCH || 0));
