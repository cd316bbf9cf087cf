import { readFile } from 'node:fs/promises';
import type { SchemaNode } from './model.ts';

const file = new URL('manifest-1.schema.json', import.meta.url);

/** The published schema's text. */
export function schemaText(): Promise<string> {
  return readFile(file, 'utf8');
}

export async function readSchema(): Promise<SchemaNode> {
  return JSON.parse(await schemaText()) as SchemaNode;
}
