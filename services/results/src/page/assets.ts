import { readFileSync } from 'node:fs';
import { representation } from '../representation.ts';

const TYPES = {
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'mark.svg': 'image/svg+xml',
} as const;
export type AssetName = keyof typeof TYPES;

/** The pages' own files, read once. */
export const ASSETS = new Map(
  Object.entries(TYPES).map(([name, type]) => [
    name,
    representation(type, readFileSync(new URL(`./assets/${name}`, import.meta.url))),
  ]),
);

/** An asset's address changes with its bytes, so that browsers may keep it for good. */
export const assetUrl = (name: AssetName): string =>
  `/assets/${name}?v=${ASSETS.get(name)!.digest.slice(0, 12)}`;
