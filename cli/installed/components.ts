import { readFile } from 'node:fs/promises';
import type { Component } from '../../platform/images/components.ts';
import { packagedParts } from '../../platform/images/packaged-parts.ts';
import { bootFile } from './places.ts';

/** What the package domb-boot was made of. */
export async function bootComponents(): Promise<Component[]> {
  return JSON.parse(await readFile(bootFile(packagedParts.components), 'utf8')) as Component[];
}
