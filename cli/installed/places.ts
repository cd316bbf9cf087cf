import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../command.ts';

/**
 * Where the Debian packages have what images are made of, beside the directory of the command, /usr/lib/domb/command
 * (platform/package/deb/contents.ts).
 */
const packaged = (package_: string, ...names: string[]) => ({
  package_,
  path: join(import.meta.dirname, '..', ...names),
});

/** The path of a file of the package domb-boot. @throws {@link Failure} where it is not installed */
export const bootFile = (name: string): string => there(packaged('domb-boot', 'boot', name));

/** The path of a file of the package domb-xen. @throws {@link Failure} where it is not installed */
export const xenFile = (name: string): string => there(packaged('domb-xen', 'xen', name));

/** Whether a file of the package domb-xen is there. */
export const hasXenFile = (name: string): boolean =>
  existsSync(packaged('domb-xen', 'xen', name).path);

/** What a text file of one line says. */
export const lineOf = (path: string): string => readFileSync(path, 'utf8').trim();

function there({ package_, path }: { package_: string; path: string }): string {
  if (existsSync(path)) return path;
  throw new Failure(
    `this domb was installed without what makes images: ${path} is missing`,
    `install the package ${package_}, or run "npm run image" in the source tree of domb`,
  );
}
