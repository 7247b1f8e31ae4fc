import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { must } from '../run-program.ts';

/**
 * Writes an image of static programs and nothing else, as an archive of the kind `docker save` makes. They lie in
 * its root folder and run as user 1000.
 */
export async function scratchImage(
  archive: string,
  name: string,
  programs: readonly string[],
  entrypoint = `/${basename(programs[0]!)}`,
): Promise<void> {
  const work = mkdtempSync(join(dirname(archive), 'image-'));
  try {
    const tree = join(work, 'tree');
    mkdirSync(tree);
    for (const program of programs) copyFileSync(program, join(tree, basename(program)));
    const layer = join(work, 'layer.tar');
    const plain = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
    await must('tar', [...plain, '-C', tree, '-cf', layer, '.']);
    const config = {
      architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch,
      os: 'linux',
      config: { User: '1000:1000', Entrypoint: [entrypoint], Env: ['PATH=/'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await sha256(layer)}`] },
    };
    writeFileSync(join(work, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    await must('tar', ['-C', work, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
