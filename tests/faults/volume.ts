import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Room for the databases of a long run, and small enough to fill in no time. */
const SIZE = '768m';
const BALLAST = 'ballast';

/** A small file system of its own (tmpfs), which can be filled. Only root can mount one. */
export class Volume {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts one at `folder`, or returns undefined where that is not allowed. What a killed run has left there is unmounted. */
  static mount(folder: string): Volume | undefined {
    Volume.unmount(folder);
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    try {
      const options = `size=${SIZE},mode=711`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
      return new Volume(folder);
    } catch {
      return undefined;
    }
  }

  static unmount(folder: string): void {
    try {
      execFileSync('umount', [folder], { stdio: 'ignore' });
    } catch {
      // Nothing is mounted there.
    }
  }

  /** Leaves so many bytes, about. */
  fill(left: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    const size = bavail * bsize - left;
    if (size <= 0) return;
    try {
      writeFileSync(join(this.folder, BALLAST), Buffer.alloc(size));
    } catch (error) {
      // The server has taken some of it meanwhile: the volume is full all the same.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  clear(): void {
    rmSync(join(this.folder, BALLAST), { force: true });
  }
}
