import { execFile, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.ts';

const exec = promisify(execFile);

export const ENGINES = ['docker', 'podman', 'buildah'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface Build {
  /** Folder that the Dockerfile copies from. */
  context: string;
  dockerfile: string;
  target: string;
  /** The image's full name. */
  name: string;
  arguments?: Readonly<Record<string, string>>;
  /** Seconds; the time of the image and its files. */
  epoch: number;
  /** A file that npm reads in the build; no layer keeps it. */
  npmrc?: string | undefined;
}

/** Builds and stores images, by a program that is there. */
export class Engine {
  readonly name: EngineName;
  readonly #global: readonly string[];

  constructor(name: EngineName) {
    this.name = name;
    this.#global = name === 'buildah' ? buildahStorage() : [];
  }

  /** The first of `names` that works here, or undefined. */
  static async find(names: readonly EngineName[] = ENGINES): Promise<Engine | undefined> {
    for (const name of names) {
      const engine = new Engine(name);
      // Without a server behind it, docker info fails.
      const works = await engine.#ask('info').then(
        () => true,
        () => false,
      );
      if (works) return engine;
    }
    return undefined;
  }

  /** Builds one target. Rejects with the end of what the engine said. */
  async build(build: Build, onLine: (line: string) => void = () => {}): Promise<void> {
    const own =
      this.name === 'docker'
        ? []
        : // Its own containers need rights that a sandboxed machine may not give; a health check needs its format.
          ['--isolation', 'chroot', '--layers', '--format', 'docker', '--timestamp', String(build.epoch)];
    const each = (flag: string, values: Readonly<Record<string, string>> = {}) =>
      Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
    await this.#run(
      [
        'build',
        ...own,
        ...['--file', build.dockerfile, '--target', build.target, '--tag', build.name],
        ...each('--build-arg', { ...build.arguments, SOURCE_DATE_EPOCH: String(build.epoch) }),
        ...(build.npmrc ? ['--secret', `id=npmrc,src=${build.npmrc}`] : []),
        build.context,
      ],
      onLine,
    );
  }

  /** True if the image is there or could be pulled. */
  async pull(image: string): Promise<boolean> {
    if (await this.id(image)) return true;
    return this.#ask('pull', image).then(
      () => true,
      () => false,
    );
  }

  /** The image's id, or undefined if it isn't there. */
  id(image: string): Promise<string | undefined> {
    return this.#inspect(image, '{{.Id}}', '{{.FromImageID}}');
  }

  /** Bytes of the image's layers, unpacked. */
  async size(image: string): Promise<number | undefined> {
    if (this.name !== 'buildah') return Number(await this.#inspect(image, '{{.Size}}', '')) || undefined;
    const listed = JSON.parse((await this.#ask('images', '--json', image)) || '[]') as { size?: string }[];
    const [, number, unit] = /^([\d.]+) ?([kMG]?)B$/.exec(listed[0]?.size ?? '') ?? [];
    return Number(number) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit as '' | 'k' | 'M' | 'G'] || undefined;
  }

  /**
   * Writes an archive that `ctr images import`, `podman load` and `docker load` take. Its layers are not compressed, which
   * would take ten times as long, and their reader as long again.
   */
  async save(image: string, file: string): Promise<void> {
    // Podman and Buildah write no archive over another.
    rmSync(file, { force: true });
    if (this.name === 'docker') await this.#ask('save', '--output', file, image);
    else if (this.name === 'podman')
      await this.#ask('save', '--quiet', '--format', 'docker-archive', '--output', file, image);
    else await this.#ask('push', '--quiet', image, `docker-archive:${file}:${image}`);
  }

  #inspect(image: string, format: string, buildahFormat: string): Promise<string | undefined> {
    const args =
      this.name === 'buildah'
        ? ['inspect', '--type', 'image', '--format', buildahFormat, image]
        : ['image', 'inspect', '--format', format, image];
    return this.#ask(...args).then(
      (text) => text || undefined,
      () => undefined,
    );
  }

  async #ask(...args: string[]): Promise<string> {
    const { stdout } = await exec(this.name, [...this.#global, ...args], {
      timeout: 600_000,
      maxBuffer: 64 << 20,
    });
    return stdout.trim();
  }

  #run(args: readonly string[], onLine: (line: string) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.name, [...this.#global, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, DOCKER_BUILDKIT: '1' },
      });
      let said = '';
      const hear = (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(-6_000);
        const line = said.trimEnd().split('\n').at(-1);
        if (line) onLine(line.trim());
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0
          ? resolve()
          : reject(
              new Error(
                `${this.name} ${args[0]} failed (${code}):\n${said.trimEnd().split('\n').slice(-25).join('\n')}`,
              ),
            ),
      );
    });
  }
}

/** Images of ours alone, so that they can be thrown away as one folder. */
function buildahStorage(): string[] {
  const folder = cacheFolder('images');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return [
    ...['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')],
    ...(process.getuid?.() === 0 ? ['--storage-driver', 'overlay'] : []),
  ];
}
