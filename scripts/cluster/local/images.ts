import { built, kept } from '../../go-tools/build.ts';
import { COREDNS, KEDA, PAUSE, PROBE, type Recipe } from '../../go-tools/recipes.ts';
import type { Telling } from '../../servers/servers.ts';
import { KEDA_IMAGES } from '../keda.ts';
import { must } from '../run-program.ts';
import { PAUSE_IMAGE } from './components.ts';
import { inNamespace } from './namespace.ts';
import { scratchImage } from './scratch-image.ts';
import type { ClusterState } from './state.ts';

export const PROBE_IMAGE = 'localhost/scrutin/probe:v1';

const image = (recipe: Recipe, name: string, program: string, path: string): Promise<string> =>
  kept(recipe, `${program}.image.tar`, (archive) => scratchImage(archive, name, [path]));

/** The archives of the images that the node itself needs, made where the cache lacks them. */
export async function nodeImages(tell: Telling): Promise<string[]> {
  const { pause } = await built(PAUSE, tell);
  const { coredns } = await built(COREDNS, tell);
  const { probe } = await built(PROBE, tell);
  return [
    await image(PAUSE, PAUSE_IMAGE, 'pause', pause),
    await image(COREDNS, 'localhost/scrutin/coredns:local', 'coredns', coredns),
    await image(PROBE, PROBE_IMAGE, 'probe', probe),
  ];
}

/** The same for KEDA. */
export async function kedaImages(tell: Telling): Promise<string[]> {
  const programs = await built(KEDA, tell);
  const names = ['keda', 'keda-adapter'] as const;
  return Promise.all(names.map((name) => image(KEDA, KEDA_IMAGES[name], name, programs[name])));
}

/** Imports archives (`docker save` or OCI); resolves with the images' names as Kubernetes knows them. */
export async function importImages(state: ClusterState, files: readonly string[]): Promise<string[]> {
  const ctr = (...args: string[]) => {
    const [program, ...before] = inNamespace(state);
    return must(program!, [...before, 'ctr', '--namespace', 'k8s.io', 'images', ...args]);
  };
  const names: string[] = [];
  for (const file of files) {
    const said = await ctr('import', file);
    for (const [, found] of said.matchAll(/^unpacking (\S+) \(/gm)) {
      const full = fullName(found!);
      // Kubernetes asks by the full name; archives may hold short ones.
      if (full !== found) await ctr('tag', '--force', found!, full);
      names.push(full);
    }
  }
  return names;
}

/** `nginx:1` is docker.io/library/nginx:1, `team/app:1` is docker.io/team/app:1. */
export function fullName(name: string): string {
  const [first, ...rest] = name.split('/');
  if (rest.length === 0) return `docker.io/library/${name}`;
  return /[.:]/.test(first!) || first === 'localhost' ? name : `docker.io/${name}`;
}
