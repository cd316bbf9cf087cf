import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Check, Report } from '../../boot-configs/checks/check.ts';
import { imageFiles } from '../../boot-configs/checks/image-files.ts';
import type { Draft, DraftDomain, DraftScript } from '../../boot-configs/draft.ts';
import type { Path } from '../../boot-configs/path.ts';
import { placedTexts } from '../../boot-configs/segments.ts';
import { nearest } from '../../boot-configs/suggest.ts';

/**
 * Checks images before the demo's own are built: those that lie in `directory` are looked into, and those that do not must
 * have the name of one of the demo's.
 */
export function demoImages(directory: string | undefined, own: readonly string[]): Check {
  const lies = (name: string) => directory !== undefined && isThere(join(directory, name));
  return {
    rule: 'image-file',
    says: "Every image is there, or is one of the demo's own; what is there can be used.",
    run(draft, report) {
      for (const { name, path } of namedImages(draft)) {
        if (name.split('/').includes('..') || lies(name) || own.includes(name)) continue;
        reportUnknown(name, path, directory, own, report);
      }
      if (directory === undefined) return;
      imageFiles(directory).run(restricted(draft, lies), report);
    },
  };
}

function reportUnknown(
  name: string,
  path: Path,
  directory: string | undefined,
  own: readonly string[],
  report: Report,
): void {
  const meant = nearest(name, own);
  const hint = meant ? `did you mean ${meant}? The demo has` : 'the demo has';
  const elsewhere = directory === undefined ? 'name the directory of others with --images' : '';
  report(
    path,
    directory === undefined
      ? 'the demo has no image of this name'
      : `there is no such file in ${directory}, and the demo has no image of this name`,
    [`${hint} ${own.join(', ')}`, elsewhere].filter(Boolean).join('; '),
  );
}

function namedImages({ domains, scripts }: Draft): { name: string; path: Path }[] {
  const images = domains.flatMap((domain) =>
    (['kernel', 'ramdisk'] as const).flatMap((image) =>
      placedTexts(domain[image], [...domain.path, image]),
    ),
  );
  const runs = scripts.flatMap(({ run, path }) => placedTexts(run, [...path, 'run']));
  return [...images, ...runs].map(({ text, path }) => ({ name: text, path }));
}

/** The draft with those images only that lie in the directory. In lists the others become undefined, so that indexes stay. */
function restricted(draft: Draft, lies: (name: string) => boolean): Draft {
  const kept = (name: string | undefined) => (name !== undefined && lies(name) ? name : undefined);
  return {
    ...draft,
    domains: draft.domains.map((domain) => {
      const { ramdisk } = domain;
      const segments = Array.isArray(ramdisk) ? ramdisk.map(kept) : kept(ramdisk as string);
      return { ...domain, kernel: kept(domain.kernel), ramdisk: segments } as DraftDomain;
    }),
    scripts: draft.scripts.map((script) => ({ ...script, run: kept(script.run) }) as DraftScript),
  };
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
