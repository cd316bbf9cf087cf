import { readFile } from 'node:fs/promises';
import type { SchemaNode } from './model.ts';

/** Version of the manifest that is described by the schema in this directory. */
export const newestVersion = 2;
/** Versions that are still read; their schemas never change. */
export const formerVersions: readonly number[] = [1];

/** What is written by hand of the newest version; the published schema is made from it. */
export const sourcePath = `manifest-${newestVersion}.source.json`;

/** The published schema of a version, as text. */
export async function schemaText(version = newestVersion): Promise<string> {
  return await readFile(new URL(schemaPath(version), import.meta.url), 'utf8');
}

export async function readSchema(version = newestVersion): Promise<SchemaNode> {
  return JSON.parse(await schemaText(version)) as SchemaNode;
}

/** Path of a version's schema from this directory, or from that of a bundle. */
export function schemaPath(version: number): string {
  const file = `manifest-${version}.schema.json`;
  return version === newestVersion ? file : `former/${file}`;
}
