import { readFileSync, rmdirSync } from 'node:fs';

/** Throws if something is still mounted at or below the folder: removing it would reach into the mount. */
export function requireNoMounts(folder: string): void {
  const mounted = mountPoints(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    (point) => point === folder || point.startsWith(`${folder}/`),
  );
  if (mounted.length > 0)
    throw new Error(
      `still mounted, so nothing was removed: ${mounted.join(', ')}; try: umount ${mounted.at(-1)}`,
    );
}

/** The mount points of a /proc/…/mountinfo (proc(5), field 5, with spaces and the like as octal numbers). */
export const mountPoints = (mountinfo: string): string[] =>
  mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point) => point !== undefined)
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );

/** Removes those of the folders that nobody has put something into. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of folders)
    try {
      rmdirSync(folder);
    } catch {
      // Somebody uses it by now, or has removed it.
    }
}
