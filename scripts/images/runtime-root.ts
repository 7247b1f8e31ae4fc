import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Lays out a root file system that holds this Node and the libraries that it has loaded, and nothing else: no
 * shell, no package manager. Works on any Linux base whose C library looks names up itself (glibc 2.34, musl).
 */
export function layOutRuntime(root: string): void {
  for (const folder of ['usr/local/bin', 'etc', 'tmp', 'app', 'proc', 'sys', 'dev', 'run'])
    mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  // /lib is a link to /usr/lib on today's distributions; paths to libraries go through it.
  for (const name of ['lib', 'lib64'])
    if (existsSync(`/${name}`) && lstatSync(`/${name}`).isSymbolicLink())
      symlinkSync(readlinkSync(`/${name}`), join(root, name));
  for (const library of loadedLibraries()) copyWithLinks(library, root);
  copyLoader(root);
  copyFileSync(realpathSync(process.execPath), join(root, 'usr/local/bin/node'));
  writeFileSync(join(root, 'etc/passwd'), 'scrutin:x:1000:1000::/tmp:/sbin/nologin\n');
  writeFileSync(join(root, 'etc/group'), 'scrutin:x:1000:\n');
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

const loadedLibraries = (): Set<string> =>
  new Set(
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .map((line) => line.slice(line.indexOf('/')).trim())
      .filter((path) => /\.so(\.|$)/.test(path)),
  );

/** Copies a library, and the links beside it that lead to it (libstdc++.so.6 → libstdc++.so.6.0.30). */
function copyWithLinks(library: string, root: string): void {
  const real = realpathSync(library);
  const folder = dirname(real);
  mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(real, join(root, real));
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink() && /\.so\.\d+$/.test(path) && existsSync(path) && realpathSync(path) === real)
      symlinkSync(readlinkSync(path), join(root, path));
  }
}

/** The program that the kernel starts Node by stands in a place of its own. */
function copyLoader(root: string): void {
  for (const folder of ['/lib64', '/lib'].filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder).filter((name) => /^ld-(linux|musl)/.test(name))) {
      const path = join(realpathSync(folder), name);
      const target = realpathSync(path);
      mkdirSync(join(root, dirname(path)), { recursive: true });
      if (existsSync(join(root, path))) continue;
      if (existsSync(join(root, target))) symlinkSync(target, join(root, path));
      else copyFileSync(target, join(root, path));
    }
  }
}
